//! What is to be done next, from what the databases say of a bucket: nothing but their own notes is needed to begin, to go
//! on after a break, to turn back, and to go elsewhere instead.
//!
//! ```text
//!  source     Held ──► Leaving ────────────────────────► Discarded ──► Gone
//!  target               Arriving ──copy, check──► Held
//! ```
//!
//! Whoever says Held has the rows that count; while nobody does, it is who says Leaving. At every point between two steps
//! exactly one database has them, and what anybody else has of them may be deleted.

use crate::layout::State;

/// What is to be done about a range of buckets. Databases are named by their place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing any more.
    Done,
    /// Marks the buckets in both databases.
    Begin { from: usize },
    /// Copies the rows to the target, checks them, and hands the buckets over.
    Transfer { from: usize },
    /// Turns back: the rows have never left.
    Keep,
    /// Marks as rubbish what a database has.
    Discard { at: usize },
    /// Deletes what is marked as rubbish.
    Delete { at: usize },
}

/// Why nothing can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Puzzle {
    /// Nobody has the rows.
    Nobody,
    /// These two say that they have them.
    Two(usize, usize),
}

/// The next step for buckets of which the databases say `states`, on the way to the one at `target`.
pub(super) fn next(states: &[Option<State>], target: usize) -> Result<Step, Puzzle> {
    let owner = owner(states)?;
    let others = states.iter().enumerate().filter(|(at, _)| *at != owner && *at != target);
    for (at, state) in others {
        match state {
            Some(State::Leaving | State::Arriving) => return Ok(Step::Discard { at }),
            Some(State::Discarded) => return Ok(Step::Delete { at }),
            Some(State::Gone | State::Held) | None => {}
        }
    }
    let of = |at: usize| states.get(at).copied().flatten();
    Ok(match (of(target), of(owner)) {
        (Some(State::Held), _) => Step::Done,
        (Some(State::Leaving), _) if owner == target => Step::Keep,
        (Some(State::Discarded), _) => Step::Delete { at: target },
        // Left over from a move that was given up: the rows may have changed since.
        (Some(State::Arriving), Some(State::Held)) | (Some(State::Leaving), _) => {
            Step::Discard { at: target }
        }
        (Some(State::Arriving), _) => Step::Transfer { from: owner },
        (Some(State::Gone) | None, _) => Step::Begin { from: owner },
    })
}

/// Who has the rows that count.
pub(super) fn owner(states: &[Option<State>]) -> Result<usize, Puzzle> {
    for wanted in [State::Held, State::Leaving] {
        let mut found = states.iter().enumerate().filter(|(_, state)| **state == Some(wanted));
        match (found.next(), found.next()) {
            (Some((one, _)), Some((other, _))) => return Err(Puzzle::Two(one, other)),
            (Some((one, _)), None) => return Ok(one),
            (None, _) => {}
        }
    }
    Err(Puzzle::Nobody)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Option<State>; 6] = [
        None,
        Some(State::Held),
        Some(State::Leaving),
        Some(State::Arriving),
        Some(State::Discarded),
        Some(State::Gone),
    ];

    /// What a step does to the states, one database after the other, so that a break may come between.
    fn effects(step: Step, target: usize) -> Vec<(usize, State)> {
        match step {
            Step::Done => vec![],
            Step::Begin { from } => vec![(from, State::Leaving), (target, State::Arriving)],
            Step::Transfer { .. } | Step::Keep => vec![(target, State::Held)],
            Step::Discard { at } => vec![(at, State::Discarded)],
            Step::Delete { at } => vec![(at, State::Gone)],
        }
    }

    #[test]
    fn from_whatever_there_is_the_rows_arrive_and_their_owner_is_never_deleted() {
        let mut puzzles = 0;
        for a in ALL {
            for b in ALL {
                for c in ALL {
                    for target in 0..3 {
                        puzzles += usize::from(!arrives(vec![a, b, c], target));
                    }
                }
            }
        }
        assert!(puzzles > 0, "some have no owner, or two");
    }

    /// Follows the steps to the end, with a break at each point.
    fn arrives(start: Vec<Option<State>>, target: usize) -> bool {
        let mut states = start.clone();
        for _ in 0..20 {
            let step = match next(&states, target) {
                Ok(Step::Done) => {
                    assert_eq!(states[target], Some(State::Held));
                    let moving = |state: &Option<State>| state.is_some_and(State::is_moving);
                    assert!(!states.iter().any(moving), "{start:?} to {target}: {states:?}");
                    return true;
                }
                Ok(step) => step,
                Err(_) => return false,
            };
            let owner = owner(&states).unwrap();
            if let Step::Transfer { from } = step {
                assert_eq!(states[from], Some(State::Leaving), "nobody starts on what is being copied");
            }
            for (at, state) in effects(step, target) {
                let rubbish = matches!(state, State::Discarded | State::Gone);
                assert!(!(rubbish && at == owner), "{start:?} to {target}: {step:?} at {states:?}");
                states[at] = Some(state);
                assert!(next(&states, target).is_ok(), "{start:?} to {target}: {step:?} leaves {states:?}");
            }
        }
        panic!("{start:?} to {target} never ends");
    }

    #[test]
    fn a_move_goes_through_its_steps() {
        let mut states = vec![Some(State::Held), None];
        let mut steps = Vec::new();
        while steps.last() != Some(&Step::Done) {
            let step = next(&states, 1).unwrap();
            effects(step, 1).into_iter().for_each(|(at, state)| states[at] = Some(state));
            steps.push(step);
        }
        use Step::{Begin, Delete, Discard, Done, Transfer};
        let expected = [Begin { from: 0 }, Transfer { from: 0 }, Discard { at: 0 }, Delete { at: 0 }, Done];
        assert_eq!(steps, expected);
    }

    #[test]
    fn before_it_is_handed_over_a_move_can_be_taken_back() {
        let states = [Some(State::Leaving), Some(State::Arriving)];
        assert_eq!(next(&states, 0), Ok(Step::Discard { at: 1 }));
        assert_eq!(next(&[Some(State::Leaving), Some(State::Gone)], 0), Ok(Step::Keep));
        assert_eq!(next(&states, 1), Ok(Step::Transfer { from: 0 }));
    }
}
