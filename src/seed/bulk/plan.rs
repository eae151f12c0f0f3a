//! What is loaded: each video follows from its number, so that the counts of its author are known before its row is made,
//! and nothing has to be kept of it meanwhile.

use std::ops::Range;

use rand::{Rng, RngExt, SeedableRng, rngs::StdRng, seq::index};

/// Videos with comments: every tenth.
const COMMENTED: u32 = 10;
const LIKES_MAX: i64 = 200;
const VISITS_MAX: f64 = 1e7;

/// How much there is of what, and when.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) videos: u32,
    pub(super) authors: u32,
    /// Below every tenth video.
    pub(super) comments: u32,
    /// Unix milliseconds.
    pub(super) time: Range<i64>,
}

/// A video. People are numbers of authors; times are Unix milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sketch {
    pub(super) author: u32,
    pub(super) made_at: i64,
    pub(super) visits: i64,
    /// Who likes it, each once, and when.
    pub(super) likes: Vec<(u32, i64)>,
    /// Who commented on it, and when.
    pub(super) comments: Vec<(u32, i64)>,
}

impl Plan {
    /// Authors come one after the other, evenly.
    pub(super) fn author_since(&self, number: u32) -> i64 {
        self.time.start + self.share(i64::from(number), self.authors)
    }

    /// Videos come one after the other, about evenly, each from one of the authors who are there by then.
    pub(super) fn video(&self, number: u32) -> Sketch {
        let mut random = StdRng::seed_from_u64(self.seed.wrapping_add(u64::from(number)));
        let earliest = self.share(i64::from(number), self.videos);
        let next = self.share(i64::from(number) + 1, self.videos);
        let made_at = self.time.start + random.random_range(earliest..=next);
        let people = self.authors_at(made_at);
        let visits = visits(&mut random);
        let fans = (visits / 50).clamp(0, LIKES_MAX.min(i64::from(people)));
        let fans = index::sample(&mut random, people as usize, usize::try_from(fans).unwrap_or(0));
        let mut later = |who: u32| (who, random.random_range(made_at..=self.time.end.max(made_at)));
        // A sample of fewer than 2^32 numbers.
        let likes = fans.iter().filter_map(|fan| u32::try_from(fan).ok()).map(&mut later).collect();
        let comments = if number.is_multiple_of(COMMENTED) { self.comments } else { 0 };
        let comments = (0..comments).map(|comment| later((number / COMMENTED + comment) % people)).collect();
        Sketch { author: random.random_range(0..people), made_at, visits, likes, comments }
    }

    fn share(&self, of: i64, all: u32) -> i64 {
        (self.time.end - self.time.start) * of / i64::from(all.max(1))
    }

    fn authors_at(&self, time: i64) -> u32 {
        let length = (self.time.end - self.time.start).max(1);
        let there = (time - self.time.start) * i64::from(self.authors) / length;
        u32::try_from(there).unwrap_or(0).clamp(1, self.authors.max(1))
    }
}

/// Few have very many, most have hardly any.
fn visits(random: &mut impl Rng) -> i64 {
    let share: f64 = random.random();
    (5.0 / share.max(f64::MIN_POSITIVE)).min(VISITS_MAX) as i64 - 5
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let time = 1_700_000_000_000..1_760_000_000_000;
        Plan { seed: 7, videos: 5000, authors: 100, comments: 3, time }
    }

    #[test]
    fn a_video_is_the_same_each_time_and_unlike_the_next() {
        let plan = plan();
        assert_eq!(plan.video(40), plan.video(40));
        assert_ne!(plan.video(40), plan.video(41));
    }

    #[test]
    fn nobody_acts_before_they_are_there_or_in_the_future() {
        let plan = plan();
        for number in 0..plan.videos {
            let video = plan.video(number);
            assert!(plan.author_since(video.author) <= video.made_at, "{video:?}");
            for (who, when) in video.likes.iter().chain(&video.comments) {
                assert!(*when >= video.made_at && *when <= plan.time.end, "{video:?}");
                assert!(plan.author_since(*who) <= *when, "{video:?}");
            }
        }
    }

    #[test]
    fn a_fan_likes_a_video_once_and_every_tenth_has_comments() {
        let plan = plan();
        for number in 0..plan.videos {
            let video = plan.video(number);
            let mut fans: Vec<u32> = video.likes.iter().map(|(fan, _)| *fan).collect();
            fans.sort_unstable();
            fans.dedup();
            assert_eq!(fans.len(), video.likes.len());
            assert_eq!(video.comments.len(), if number % 10 == 0 { 3 } else { 0 });
        }
    }

    #[test]
    fn few_videos_have_most_visits() {
        let plan = plan();
        let mut visits: Vec<i64> = (0..plan.videos).map(|number| plan.video(number).visits).collect();
        visits.sort_unstable();
        assert!(visits.iter().all(|visits| *visits >= 0));
        assert!(visits[2500] < 20, "{}", visits[2500]);
        assert!(visits[4990] > 500, "{}", visits[4990]);
    }

    #[test]
    fn one_video_has_an_author() {
        let plan = Plan { videos: 1, authors: 1, ..plan() };
        assert_eq!(plan.video(0).author, 0);
    }
}
