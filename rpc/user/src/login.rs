//! Logging in: name and password, then the second factor, then a session.

use fanone_base::Id;

use crate::{
    accounts::Accounts,
    credentials::{CredentialCheck, Who},
    error::UserError,
    mfa::{self, Mfa},
    names::Username,
    passwords,
    sessions::{Sessions, Tokens},
    store::Profile,
};

/// Logs users in.
#[derive(Clone)]
pub(crate) struct Login {
    pub(crate) accounts: Accounts,
    pub(crate) credentials: CredentialCheck,
    pub(crate) mfa: Mfa,
    pub(crate) sessions: Sessions,
}

impl Login {
    /// Opens a session. `code` is looked at only where a second factor is bound; an empty one is none.
    pub(crate) async fn login(
        &self,
        username: &str,
        password: &str,
        code: Option<&str>,
    ) -> Result<(Profile, Tokens), UserError> {
        let name = Username::parse(username)?;
        passwords::check_sent(password)?;
        let code = code.filter(|code| !code.is_empty()).map(mfa::Code::parse).transpose()?;
        let account = self.credentials.check(Who::Named(&name), password).await?;
        let user = Id(account.id);
        if self.mfa.is_bound(user).await? {
            self.mfa.check(user, code.ok_or(UserError::MfaRequired)?).await?;
        }
        if account.login_failures > 0 {
            self.accounts.store.login_succeeded(user).await?;
        }
        let tokens = self.sessions.open(user).await?;
        Ok((self.accounts.profile(user).await?, tokens))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{PASSWORD, World};

    #[tokio::test]
    async fn a_user_logs_in_by_name_without_case_and_password() {
        let world = World::new().await;
        let alice = world.user("Alice").await;
        let (user, tokens) = world.service.login.login("aLiCe", PASSWORD, Some("")).await.unwrap();
        assert_eq!((user.id, user.username.as_str()), (alice.0, "Alice"));
        let claims = world.keys.user_verifier().unwrap().verify(&tokens.access).unwrap();
        assert_eq!(claims.user_id, alice);
    }

    #[tokio::test]
    async fn a_wrong_password_and_an_unknown_name_get_the_same_answer() {
        let world = World::new().await;
        world.user("alice").await;
        for (name, password) in [("alice", "wrong"), ("nobody", PASSWORD)] {
            let result = world.service.login.login(name, password, None).await;
            assert!(matches!(result, Err(UserError::WrongCredentials)), "{name}");
        }
    }

    #[tokio::test]
    async fn missing_and_too_long_fields_are_refused_by_name() {
        let world = World::new().await;
        let long = "a".repeat(73);
        let wrong = [("", "x", "username"), ("a", "", "password"), ("a", &long, "password")];
        for (name, password, field) in wrong {
            let Err(UserError::Field(error)) = world.service.login.login(name, password, None).await else {
                panic!("{field} is refused");
            };
            assert_eq!(error.field, field);
        }
    }

    #[tokio::test]
    async fn too_many_wrong_passwords_lock_even_for_the_right_one() {
        let world = World::with("limits.logins_failed_per_account", "3").await;
        let alice = world.user("alice").await;
        let login = &world.service.login;
        for _ in 0..2 {
            assert!(matches!(login.login("alice", "wrong", None).await, Err(UserError::WrongCredentials)));
        }
        login.login("alice", PASSWORD, None).await.unwrap();
        for _ in 0..3 {
            assert!(matches!(login.login("alice", "wrong", None).await, Err(UserError::WrongCredentials)));
        }
        assert!(matches!(login.login("alice", PASSWORD, None).await, Err(UserError::Locked)));
        // Five minutes later.
        let long_ago = fanone_base::time::now_ms() - 300_001;
        login.accounts.store.login_failed(alice, long_ago, 0).await.unwrap();
        login.login("alice", PASSWORD, None).await.unwrap();
    }

    #[tokio::test]
    async fn without_limits_there_is_no_lock() {
        let world = World::with("limits.enabled", "false").await;
        world.user("alice").await;
        for _ in 0..12 {
            let result = world.service.login.login("alice", "wrong", None).await;
            assert!(matches!(result, Err(UserError::WrongCredentials)));
        }
        world.service.login.login("alice", PASSWORD, None).await.unwrap();
    }
}
