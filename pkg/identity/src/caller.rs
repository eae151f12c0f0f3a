//! The caller of the request at hand, kept beside the task that serves it.

use std::sync::Arc;

use fanone_base::{Code, Failure, Id};

use crate::UserClaims;

tokio::task_local! {
    static CALLER: Caller;
}

/// Who calls, and for whom; both are proven by tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The name of the calling service, such as `fanone.http`.
    pub service: Arc<str>,
    /// The user it acts for; always there in a method that needs one.
    pub user: Option<UserClaims>,
}

/// Why a call is refused before any logic has seen it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The method acts for a user, and there is no valid access token.
    #[error("no valid access token")]
    NotLoggedIn,
    /// The method acts for a user, and the access token has expired.
    #[error("the access token has expired")]
    AccessExpired,
    /// The calling service is unknown, or may not call this method.
    #[error("the caller may not call this method")]
    Forbidden,
}

impl Failure for IdentityError {
    fn code(&self) -> Code {
        match self {
            Self::NotLoggedIn => Code::NotLoggedIn,
            Self::AccessExpired => Code::AccessExpired,
            Self::Forbidden => Code::Forbidden,
        }
    }
}

/// The caller of the request that this task serves; none outside a request.
pub fn caller() -> Option<Caller> {
    CALLER.try_with(Clone::clone).ok()
}

/// The user for whom this task works.
pub fn current_user() -> Result<Id, IdentityError> {
    claims().map(|claims| claims.user_id)
}

/// The session of the access token with which this task works.
pub fn current_session() -> Result<Id, IdentityError> {
    claims().map(|claims| claims.session)
}

/// Runs `work` as a request of `caller`. A task spawned in it does not inherit the caller.
pub async fn scope<F: Future>(caller: Caller, work: F) -> F::Output {
    CALLER.scope(caller, work).await
}

fn claims() -> Result<UserClaims, IdentityError> {
    CALLER.try_with(|caller| caller.user).ok().flatten().ok_or(IdentityError::NotLoggedIn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_user_is_known_inside_the_scope_only() {
        let user = UserClaims { user_id: Id(7), session: Id(8), expires_at: 9 };
        let caller_of_it = Caller { service: "fanone.http".into(), user: Some(user) };
        scope(caller_of_it.clone(), async {
            assert_eq!(caller(), Some(caller_of_it));
            assert_eq!(current_user(), Ok(Id(7)));
            assert_eq!(current_session(), Ok(Id(8)));
        })
        .await;
        assert_eq!(current_user(), Err(IdentityError::NotLoggedIn));
        assert_eq!(caller(), None);
    }

    #[tokio::test]
    async fn a_call_for_nobody_has_no_user() {
        let nobody = Caller { service: "fanone.http".into(), user: None };
        scope(nobody, async { assert_eq!(current_user(), Err(IdentityError::NotLoggedIn)) }).await;
    }
}
