//! Sessions and the tokens that go back to them.
//!
//! A session is what one log-in opens. Its refresh tokens are numbered by generation:
//!
//! ```text
//!  log-in ──► generation 0 ──rotate──► generation 1 ──rotate──► …
//!                  └── used again: somebody has a copy, so the session is revoked
//! ```

use fanone_base::{Id, IdGenerator, time};
use fanone_identity::{RefreshClaims, UserTokens};

use crate::{
    error::UserError,
    store::{Rotation, SessionRow, SessionStore},
};

/// Ids tried before giving up.
const ID_TRIES: usize = 8;

/// What a client holds to prove who it acts for.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

/// Opens, renews and ends sessions.
#[derive(Clone)]
pub(crate) struct Sessions {
    pub(crate) store: SessionStore,
    pub(crate) ids: IdGenerator,
    pub(crate) tokens: UserTokens,
}

impl Sessions {
    /// A new session of a user.
    pub(crate) async fn open(&self, user: Id) -> Result<Tokens, UserError> {
        for _ in 0..ID_TRIES {
            let id = self.ids.next(user.bucket());
            let now = time::now_ms();
            let session = SessionRow {
                id: id.0,
                user_id: user.0,
                generation: 0,
                expires_at: self.expiry(now),
                revoked_at: 0,
                created_at: now,
            };
            if self.store.insert(session).await? {
                return self.pair(user, id, 0);
            }
        }
        Err(UserError::NoFreeId)
    }

    /// Another access token; the refresh token stays valid.
    pub(crate) async fn renew_access(&self, refresh: &str) -> Result<String, UserError> {
        let claims = self.tokens.check_refresh(refresh)?;
        match self.store.find(claims.session).await? {
            Some(session) if session.revoked_at != 0 => Err(UserError::RefreshInvalid),
            Some(session) if session.generation == claims.generation => {
                self.tokens.access(claims.user_id, claims.session).map_err(UserError::Signing)
            }
            Some(_) => {
                self.store.revoke(claims.session, time::now_ms()).await?;
                Err(reused(&claims))
            }
            None => Err(UserError::RefreshInvalid),
        }
    }

    /// Both tokens anew, in exchange for the refresh token.
    pub(crate) async fn rotate(&self, refresh: &str) -> Result<Tokens, UserError> {
        let claims = self.tokens.check_refresh(refresh)?;
        let (id, generation, now) = (claims.session, claims.generation, time::now_ms());
        match self.store.rotate(id, generation, self.expiry(now), now).await? {
            Rotation::Rotated => self.pair(claims.user_id, id, generation + 1),
            Rotation::Reused => Err(reused(&claims)),
            Rotation::Gone => Err(UserError::RefreshInvalid),
        }
    }

    /// Ends a session; one that has ended is fine.
    pub(crate) async fn revoke(&self, session: Id) -> Result<(), UserError> {
        self.store.revoke(session, time::now_ms()).await?;
        Ok(())
    }

    fn pair(&self, user: Id, session: Id, generation: i64) -> Result<Tokens, UserError> {
        Ok(Tokens {
            access: self.tokens.access(user, session).map_err(UserError::Signing)?,
            refresh: self.tokens.refresh(user, session, generation).map_err(UserError::Signing)?,
        })
    }

    fn expiry(&self, now: i64) -> i64 {
        let lifetime = i64::try_from(self.tokens.refresh_ttl().as_millis()).unwrap_or(i64::MAX);
        now.saturating_add(lifetime)
    }
}

fn reused(claims: &RefreshClaims) -> UserError {
    tracing::warn!(
        target: "fanone::security",
        user_id = claims.user_id.0, session = claims.session.0, generation = claims.generation,
        "refresh token reused, session revoked"
    );
    UserError::RefreshInvalid
}

#[cfg(test)]
mod tests {
    use crate::store::purge_sessions;
    use futures::future::join_all;

    use super::*;
    use crate::testing::World;

    fn invalid<T>(result: Result<T, UserError>) -> bool {
        matches!(result, Err(UserError::RefreshInvalid))
    }

    #[tokio::test]
    async fn a_refresh_token_used_twice_revokes_all_that_came_from_it() {
        let world = World::new().await;
        let sessions = &world.service.sessions;
        let first = sessions.open(world.user("alice").await).await.unwrap();
        let second = sessions.rotate(&first.refresh).await.unwrap();
        let third = sessions.rotate(&second.refresh).await.unwrap();
        sessions.renew_access(&third.refresh).await.unwrap();
        assert!(invalid(sessions.rotate(&first.refresh).await));
        assert!(invalid(sessions.rotate(&third.refresh).await));
        assert!(invalid(sessions.renew_access(&third.refresh).await));
    }

    #[tokio::test]
    async fn an_old_refresh_token_gets_no_access_token_and_revokes() {
        let world = World::new().await;
        let sessions = &world.service.sessions;
        let first = sessions.open(world.user("alice").await).await.unwrap();
        let second = sessions.rotate(&first.refresh).await.unwrap();
        assert!(invalid(sessions.renew_access(&first.refresh).await));
        assert!(invalid(sessions.renew_access(&second.refresh).await));
    }

    #[tokio::test]
    async fn of_many_rotations_at_once_one_succeeds() {
        let world = World::new().await;
        let sessions = &world.service.sessions;
        let tokens = sessions.open(world.user("alice").await).await.unwrap();
        let all = join_all((0..20).map(|_| sessions.rotate(&tokens.refresh))).await;
        assert_eq!(all.iter().filter(|result| result.is_ok()).count(), 1);
    }

    #[tokio::test]
    async fn a_renewed_access_token_belongs_to_the_session_and_leaves_the_refresh_token_valid() {
        let world = World::new().await;
        let sessions = &world.service.sessions;
        let tokens = sessions.open(world.user("alice").await).await.unwrap();
        let verifier = world.keys.user_verifier().unwrap();
        let session = verifier.verify(&tokens.access).unwrap().session;
        for _ in 0..2 {
            let access = sessions.renew_access(&tokens.refresh).await.unwrap();
            assert_eq!(verifier.verify(&access).unwrap().session, session);
        }
        assert!(sessions.rotate(&tokens.refresh).await.is_ok());
        assert!(invalid(sessions.renew_access(&tokens.access).await), "access is not refresh");
    }

    #[tokio::test]
    async fn a_revoked_session_is_over_and_another_one_is_not() {
        let world = World::new().await;
        let sessions = &world.service.sessions;
        let alice = world.user("alice").await;
        let (phone, desk) = (sessions.open(alice).await.unwrap(), sessions.open(alice).await.unwrap());
        let claims = world.keys.user_verifier().unwrap().verify(&phone.access).unwrap();
        sessions.revoke(claims.session).await.unwrap();
        sessions.revoke(claims.session).await.unwrap();
        assert!(invalid(sessions.renew_access(&phone.refresh).await));
        assert!(invalid(sessions.rotate(&phone.refresh).await));
        assert!(sessions.renew_access(&desk.refresh).await.is_ok());
    }

    #[tokio::test]
    async fn expired_sessions_are_purged_and_others_kept() {
        let world = World::new().await;
        let sessions = &world.service.sessions;
        let alice = world.user("alice").await;
        let tokens = sessions.open(alice).await.unwrap();
        let id = sessions.ids.next(alice.bucket()).0;
        let expired = SessionRow {
            id,
            user_id: alice.0,
            generation: 0,
            expires_at: time::now_ms() - 1,
            revoked_at: 0,
            created_at: 0,
        };
        sessions.store.insert(expired).await.unwrap();
        let mut purged = Vec::new();
        for shard in sessions.store.0.shards().iter().chain(sessions.store.0.shards()) {
            purged.push(purge_sessions(shard, time::now_ms()).await.unwrap());
        }
        assert_eq!(purged.iter().sum::<u64>(), 1, "{purged:?}");
        assert!(sessions.renew_access(&tokens.refresh).await.is_ok());
    }
}
