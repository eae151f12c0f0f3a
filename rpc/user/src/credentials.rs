//! The check of a password, with the lock after too many wrong ones.

use fanone_base::{Id, time};
use fanone_config::Live;

use crate::{
    error::UserError,
    lockout::Lockout,
    names::Username,
    passwords::Passwords,
    store::{AccountStore, Credentials},
};

/// Whose password it is said to be.
#[derive(Clone, Copy)]
pub(crate) enum Who<'a> {
    /// Of the account with this name.
    Named(&'a Username),
    /// Of a logged-in user.
    User(Id),
}

/// Checks passwords against accounts.
#[derive(Clone)]
pub(crate) struct CredentialCheck {
    pub(crate) store: AccountStore,
    pub(crate) passwords: Passwords,
    /// When wrong ones lock.
    pub(crate) live: Live,
}

impl CredentialCheck {
    /// The account, if the password is its. An unknown one takes as long and gets the same answer.
    ///
    /// The turn is held from before the failures are read until a new one is stored: guesses that
    /// come all at once get past the lock by the number of cores at most.
    pub(crate) async fn check(&self, who: Who<'_>, password: &str) -> Result<Credentials, UserError> {
        let turn = self.passwords.turn().await?;
        let account = match who {
            Who::Named(name) => self.store.credentials_by_name(name.key()).await?,
            Who::User(id) => self.store.credentials(id).await?,
        };
        let lockout = Lockout::of_passwords(&self.live.get().limits);
        if account.as_ref().is_some_and(|it| lockout.holds(it.login_failures, it.login_failed_at)) {
            return Err(UserError::Locked);
        }
        let hash = account.as_ref().map(|account| account.password.clone());
        let (fits, _turn) = turn.matches(password.to_owned(), hash).await?;
        match account {
            Some(account) if fits => Ok(account),
            Some(account) => {
                tracing::warn!(target: "fanone::security", user_id = account.id, "wrong password");
                let now = time::now_ms();
                self.store.login_failed(Id(account.id), now, Lockout::forget_until(now)).await?;
                Err(UserError::WrongCredentials)
            }
            None => Err(UserError::WrongCredentials),
        }
    }
}
