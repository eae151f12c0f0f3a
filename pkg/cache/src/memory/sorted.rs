//! A set of members ordered by score.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};

use crate::Ranked;
use crate::limits::SET_MEMBERS_MAX;

/// A score in a total order.
#[derive(Clone, Copy, Debug)]
struct Score(f64);

impl Ord for Score {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Score {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Score {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Score {}

/// Both maps hold the same members.
#[derive(Default)]
pub(super) struct SortedSet {
    scores: HashMap<i64, Score>,
    order: BTreeSet<(Score, i64)>,
}

impl SortedSet {
    pub(super) fn add(&mut self, items: &[Ranked]) {
        for &(member, score) in items {
            let score = Score(score);
            if let Some(before) = self.scores.insert(member, score) {
                self.order.remove(&(before, member));
            }
            self.order.insert((score, member));
            if self.order.len() > SET_MEMBERS_MAX
                && let Some((_, lowest)) = self.order.pop_first()
            {
                self.scores.remove(&lowest);
            }
        }
    }

    /// As [`Self::add`], but a member keeps a score that is higher already.
    pub(super) fn raise(&mut self, items: &[Ranked]) {
        for &(member, score) in items {
            if self.scores.get(&member).is_none_or(|before| *before < Score(score)) {
                self.add(&[(member, score)]);
            }
        }
    }

    pub(super) fn remove(&mut self, members: &[i64]) {
        for member in members {
            if let Some(score) = self.scores.remove(member) {
                self.order.remove(&(score, *member));
            }
        }
    }

    pub(super) fn top(&self, offset: usize, limit: usize) -> Vec<Ranked> {
        self.order.iter().rev().skip(offset).take(limit).map(|(score, member)| (*member, score.0)).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.scores.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_members_are_dropped_beyond_the_limit() {
        let mut set = SortedSet::default();
        let members = i64::try_from(SET_MEMBERS_MAX).unwrap() + 5;
        for member in 0..members {
            set.add(&[(member, f64::from(i32::try_from(member).unwrap()))]);
        }
        assert_eq!((set.len(), set.order.len()), (SET_MEMBERS_MAX, SET_MEMBERS_MAX));
        assert_eq!(set.top(SET_MEMBERS_MAX - 1, 9), [(5, 5.0)]);
    }
}
