//! Passwords: what is accepted, and their Argon2id hashes.
//!
//! A hash costs 19 MiB and tens of milliseconds on purpose. As many are computed at a time as there
//! are cores; whoever comes later waits for a [`Turn`].

use std::{sync::Arc, thread};

use argon2::{
    Argon2,
    password_hash::{self, PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use fanone_base::InvalidField;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

const BYTES_MIN: usize = 8;
const BYTES_MAX: usize = 72;
const FIELD: &str = "password";

/// Of no password, with the parameters of all others: what is checked when there is no such user, so
/// that the answer takes as long. Also what an account has that nobody is to log in as.
pub(crate) const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// For each core, so many may wait: they are served within a second or two.
const WAITING_PER_CORE: usize = 64;

/// Why a password could not be hashed or compared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PasswordError {
    /// The hash in the database is none, or the parameters do not fit.
    #[error("password hash")]
    Hash(#[source] password_hash::Error),
    /// The hash in the database cannot be read.
    #[error("stored password hash")]
    Stored(#[source] password_hash::phc::Error),
    /// A worker thread broke off.
    #[error("password worker")]
    Worker(#[from] tokio::task::JoinError),
    /// The workers were shut down.
    #[error("password workers are closed")]
    Closed(#[from] tokio::sync::AcquireError),
    /// Too many wait already.
    #[error("too many passwords wait")]
    Busy(#[source] TryAcquireError),
}

/// Hashes and compares passwords, a few at a time. Clones share the limit.
#[derive(Clone)]
pub(crate) struct Passwords {
    waiting: Arc<Semaphore>,
    cores: Arc<Semaphore>,
}

impl Passwords {
    /// As many at a time as there are cores.
    pub(crate) fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let waiting = Arc::new(Semaphore::new(cores * WAITING_PER_CORE));
        Self { waiting, cores: Arc::new(Semaphore::new(cores)) }
    }

    /// Waits until a core is free for a password.
    pub(crate) async fn turn(&self) -> Result<Turn, PasswordError> {
        let _waiting = self.waiting.try_acquire().map_err(PasswordError::Busy)?;
        Ok(Turn { _core: Arc::clone(&self.cores).acquire_owned().await? })
    }
}

/// The right to compute. It goes where the work goes, so that it ends with the work, not with the request.
pub(crate) struct Turn {
    _core: OwnedSemaphorePermit,
}

impl Turn {
    /// A hash of `password` with a salt of its own, in the PHC string format.
    pub(crate) async fn hash(self, password: String) -> Result<String, PasswordError> {
        tokio::task::spawn_blocking(move || {
            let _turn = self;
            let hash = Argon2::default().hash_password(password.as_bytes()).map_err(PasswordError::Hash)?;
            Ok(hash.to_string())
        })
        .await?
    }

    /// Whether `password` is that of `hash`; without a hash it takes as long and is false. Gives the turn
    /// back, for what must be stored before the next one comes.
    pub(crate) async fn matches(
        self,
        password: String,
        hash: Option<String>,
    ) -> Result<(bool, Self), PasswordError> {
        tokio::task::spawn_blocking(move || {
            let hash = hash.as_deref().unwrap_or(NOBODY);
            let hash = PasswordHash::new(hash).map_err(PasswordError::Stored)?;
            match Argon2::default().verify_password(password.as_bytes(), &hash) {
                Ok(()) => Ok((true, self)),
                Err(password_hash::Error::PasswordInvalid) => Ok((false, self)),
                Err(error) => Err(PasswordError::Hash(error)),
            }
        })
        .await?
    }
}

/// Accepts a new password.
pub(crate) fn check_new(password: &str) -> Result<(), InvalidField> {
    check_sent(password)?;
    if password.len() < BYTES_MIN {
        return Err(InvalidField::new(FIELD, format!("must be {BYTES_MIN} to {BYTES_MAX} bytes")));
    }
    Ok(())
}

/// Accepts a password that is to be compared.
pub(crate) fn check_sent(password: &str) -> Result<(), InvalidField> {
    match password.len() {
        0 => Err(InvalidField::missing(FIELD)),
        1..=BYTES_MAX => Ok(()),
        _ => Err(InvalidField::new(FIELD, format!("must be at most {BYTES_MAX} bytes"))),
    }
}

#[cfg(test)]
mod tests {
    use futures::{future::join_all, poll};

    use super::*;

    #[tokio::test]
    async fn a_password_matches_its_own_hash_only() {
        let passwords = Passwords::new();
        let hash = passwords.turn().await.unwrap().hash("correct horse".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        for (password, fits) in [("correct horse", true), ("Correct horse", false), ("", false)] {
            let turn = passwords.turn().await.unwrap();
            let (matches, _) = turn.matches(password.into(), Some(hash.clone())).await.unwrap();
            assert_eq!(matches, fits, "{password}");
        }
    }

    #[tokio::test]
    async fn nobody_has_a_hash_like_any_other_and_no_password() {
        let turn = Passwords::new().turn().await.unwrap();
        assert!(!turn.matches("password".into(), None).await.unwrap().0);
        let hash = Argon2::default().hash_password(b"password").unwrap();
        let nobody = PasswordHash::new(NOBODY).unwrap();
        assert_eq!((&hash.algorithm, &hash.params), (&nobody.algorithm, &nobody.params));
        assert_eq!(hash.hash.unwrap().len(), nobody.hash.unwrap().len());
    }

    #[tokio::test]
    async fn only_so_many_wait_for_a_core() {
        let passwords = Passwords::new();
        let cores = passwords.cores.available_permits();
        let working = join_all((0..cores).map(|_| passwords.turn())).await;
        let come_and_go = || async { passwords.turn().await.map(drop) };
        let mut all = join_all((0..=cores * WAITING_PER_CORE).map(|_| come_and_go()));
        assert!(poll!(&mut all).is_pending());
        drop(working);
        let all = all.await;
        assert_eq!(all.iter().filter(|turn| matches!(turn, Err(PasswordError::Busy(_)))).count(), 1);
        assert_eq!(all.iter().filter(|turn| turn.is_ok()).count(), cores * WAITING_PER_CORE);
    }

    #[test]
    fn a_new_password_has_8_to_72_bytes() {
        for password in ["12345678", &"a".repeat(72), "密码密"] {
            assert_eq!(check_new(password), Ok(()), "{password}");
        }
        for password in ["", "1234567", &"a".repeat(73)] {
            assert_eq!(check_new(password).unwrap_err().field, "password", "{password}");
        }
    }
}
