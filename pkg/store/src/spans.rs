//! Something about buckets, in as few ranges as possible.

use std::ops::RangeInclusive;

use fanone_base::Bucket;

/// What `of` says of each bucket, neighbours of which the same is said together; of the others nothing is said.
pub(crate) fn spans<T: Clone + PartialEq>(of: impl Fn(u16) -> Option<T>) -> Vec<(RangeInclusive<u16>, T)> {
    let mut spans: Vec<(RangeInclusive<u16>, T)> = Vec::new();
    for bucket in 0..Bucket::COUNT {
        let Some(said) = of(bucket) else { continue };
        match spans.last_mut() {
            Some((range, last)) if *last == said && *range.end() + 1 == bucket => {
                *range = *range.start()..=bucket;
            }
            _ => spans.push((bucket..=bucket, said)),
        }
    }
    spans
}

/// A range as it is written down in a database; `None` for numbers that are no buckets.
pub(crate) fn range_of(first: i32, last: i32) -> Option<RangeInclusive<u16>> {
    let (first, last) = (u16::try_from(first).ok()?, u16::try_from(last).ok()?);
    (first <= last && last < Bucket::COUNT).then_some(first..=last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_of_which_the_same_is_said_are_together() {
        let said = |bucket: u16| match bucket {
            0..10 | 20..30 => Some('a'),
            10..20 => Some('b'),
            1023 => Some('b'),
            _ => None,
        };
        assert_eq!(spans(said), [(0..=9, 'a'), (10..=19, 'b'), (20..=29, 'a'), (1023..=1023, 'b')]);
    }

    #[test]
    fn only_buckets_make_a_range() {
        assert_eq!(range_of(0, 1023), Some(0..=1023));
        assert!([(-1, 5), (5, 4), (0, 1024)].iter().all(|(first, last)| range_of(*first, *last).is_none()));
    }
}
