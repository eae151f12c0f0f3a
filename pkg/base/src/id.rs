//! Ids: 63 bits that need no coordination and say in which bucket their row lives.
//!
//! ```text
//!  62            22 21        10 9         0
//! ┌────────────────┬────────────┬───────────┐
//! │ ms since 2024  │  entropy   │  bucket   │
//! └────────────────┴────────────┴───────────┘
//! ```
//!
//! Two replicas may make the same id in the same millisecond (1 in 4096); the primary key refuses
//! the second, and the writer takes a new one.

use std::{
    fmt,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use serde::{Deserialize, Serialize};

use crate::time;

const BUCKET_BITS: u32 = 10;
const ENTROPY_BITS: u32 = 12;
/// 2024-01-01T00:00:00Z in Unix milliseconds: ids last until 2093.
const EPOCH_MS: i64 = 1_704_067_200_000;
/// The last millisecond since then that an id can name.
const MS_MAX: i64 = (1 << (63 - ENTROPY_BITS - BUCKET_BITS)) - 1;

/// The id of anything that is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Id(pub i64);

impl Id {
    /// An id in `bucket` such as was made at this time (Unix milliseconds), for rows of the past. Before 2024 there
    /// were none: an earlier time becomes the first of them.
    pub fn at(millis: i64, bucket: Bucket) -> Self {
        let since = millis.saturating_sub(EPOCH_MS).clamp(1, MS_MAX);
        Self::of_parts((since << ENTROPY_BITS) | entropy(), bucket)
    }

    fn of_parts(time_and_entropy: i64, bucket: Bucket) -> Self {
        Self((time_and_entropy << BUCKET_BITS) | i64::from(bucket.number()))
    }

    /// Where the row lives.
    pub fn bucket(self) -> Bucket {
        // Masked to 10 bits, so it always fits.
        Bucket((self.0 & i64::from(Bucket::COUNT - 1)).unsigned_abs() as u16)
    }

    /// When the id was made, in Unix milliseconds.
    pub fn millis(self) -> i64 {
        (self.0 >> (BUCKET_BITS + ENTROPY_BITS)) + EPOCH_MS
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text that is no id: ids are positive decimal numbers of at most 19 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an id: a positive decimal number")]
pub struct ParseIdError;

impl FromStr for Id {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ParseIdError);
        }
        match text.parse::<i64>() {
            Ok(number) if number > 0 => Ok(Self(number)),
            _ => Err(ParseIdError),
        }
    }
}

/// One of 1024 parts of all rows; a shard holds a range of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bucket(u16);

impl Bucket {
    /// How many buckets there are.
    pub const COUNT: u16 = 1 << BUCKET_BITS;

    /// The bucket with this number, which is taken modulo [`Bucket::COUNT`].
    pub const fn new(number: u16) -> Self {
        Self(number % Self::COUNT)
    }

    /// The bucket that a name always has, on every machine and in every version (FNV-1a).
    pub fn of_name(name: &str) -> Self {
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self::new((hash ^ (hash >> 32)) as u16)
    }

    /// Any bucket.
    pub fn random() -> Self {
        Self::new(rand::random())
    }

    /// 0 to 1023.
    pub const fn number(self) -> u16 {
        self.0
    }
}

/// Makes ids. Those of one generator (and its clones) always grow.
#[derive(Clone, Debug, Default)]
pub struct IdGenerator {
    /// The time and entropy bits of the last id.
    last: Arc<AtomicI64>,
}

impl IdGenerator {
    /// A new id in `bucket`.
    pub fn next(&self, bucket: Bucket) -> Id {
        let fresh = ((time::now_ms() - EPOCH_MS) << ENTROPY_BITS) | entropy();
        let step = |last: i64| Some(fresh.max(last + 1));
        let last = match self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step) {
            Ok(last) | Err(last) => last,
        };
        Id::of_parts(fresh.max(last + 1), bucket)
    }
}

fn entropy() -> i64 {
    i64::from(rand::random::<u16>() >> (16 - ENTROPY_BITS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_knows_its_bucket_and_its_time() {
        let before = time::now_ms();
        let id = IdGenerator::default().next(Bucket::new(777));
        assert_eq!(id.bucket(), Bucket::new(777));
        assert!((before..=time::now_ms() + 1).contains(&id.millis()));
        assert!(id.0 > 0);
    }

    #[test]
    fn an_id_of_the_past_knows_its_bucket_and_its_time() {
        let made = EPOCH_MS + 86_400_000;
        let id = Id::at(made, Bucket::new(1023));
        assert_eq!((id.millis(), id.bucket()), (made, Bucket::new(1023)));
        assert_eq!(Id::at(0, Bucket::new(0)).millis(), EPOCH_MS + 1);
        for millis in [i64::MIN, 0, EPOCH_MS, i64::MAX] {
            assert!(Id::at(millis, Bucket::new(0)).0 > 0, "{millis}");
        }
    }

    #[test]
    fn ids_of_one_generator_grow() {
        let ids = IdGenerator::default();
        let made: Vec<Id> = (0..10_000).map(|_| ids.next(Bucket::new(3))).collect();
        assert!(made.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn only_positive_decimal_numbers_are_ids() {
        assert_eq!("12".parse(), Ok(Id(12)));
        for text in ["", "0", "-1", "+1", "1.0", "a", " 1", "9223372036854775808", "99999999999999999999"] {
            assert_eq!(text.parse::<Id>(), Err(ParseIdError), "{text}");
        }
    }

    #[test]
    fn a_name_has_the_same_bucket_for_ever() {
        assert_eq!(Bucket::of_name("alice"), Bucket::of_name("alice"));
        assert_eq!(Bucket::of_name("").number(), Bucket::of_name("").number());
        let different: std::collections::HashSet<_> =
            (0..2000).map(|n| Bucket::of_name(&format!("user{n}"))).collect();
        assert!(different.len() > 700, "names spread over the buckets: {}", different.len());
    }
}
