//! Pictures that the model fails at again and again, while it does well with others.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// After so many failures a picture is given up.
const STRIKES: u32 = 3;
/// Pictures that are kept in mind.
const PICTURES_MAX: usize = 10_000;

/// How often the model has failed at which picture.
#[derive(Debug, Default)]
pub(super) struct Strikes(Mutex<HashMap<i64, Strike>>);

#[derive(Debug)]
struct Strike {
    count: u32,
    /// What the model had done well by then.
    successes: u64,
}

impl Strikes {
    /// Counts a failure; whether it was one too many. A failure counts only if the model has done well with something since
    /// the one before: else it is the model that fails.
    pub(super) fn is_out(&self, picture: i64, successes: u64) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= PICTURES_MAX {
            all.clear();
        }
        let strike = all.entry(picture).or_insert(Strike { count: 0, successes: 0 });
        if successes > strike.successes {
            *strike = Strike { count: strike.count + 1, successes };
        }
        let is_out = strike.count >= STRIKES;
        if is_out {
            all.remove(&picture);
        }
        is_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_given_up_when_the_model_does_well_with_others() {
        let strikes = Strikes::default();
        assert!((0..10).all(|_| !strikes.is_out(1, 0)), "the model fails at everything");
        assert!(!strikes.is_out(1, 5) && !strikes.is_out(1, 5) && !strikes.is_out(1, 6));
        assert!(!strikes.is_out(2, 7), "another picture has strikes of its own");
        assert!(strikes.is_out(1, 7));
        assert!(!strikes.is_out(1, 8), "it begins anew");
    }
}
