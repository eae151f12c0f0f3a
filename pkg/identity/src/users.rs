//! User tokens: made by the user service alone, checked by every service.

use std::time::Duration;

use fanone_base::Id;
use jsonwebtoken::{DecodingKey, EncodingKey, Validation};
use moka::sync::Cache;
use serde::{Deserialize, Serialize};

use crate::jwt::{self, TokenError, check, now_s, random_id, rules, sign};

const ACCESS: &str = "at+jwt";
const REFRESH: &str = "rt+jwt";
const ISSUER: &str = "fanone.user";
const ACCESS_AUDIENCE: &str = "fanone";
const REFRESH_AUDIENCE: &str = ISSUER;

/// What an access token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserClaims {
    /// Who is logged in.
    pub user_id: Id,
    /// The session: all tokens that go back to one log-in.
    pub session: Id,
    /// Unix milliseconds.
    pub expires_at: i64,
}

/// What a refresh token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshClaims {
    /// Whose session it is.
    pub user_id: Id,
    /// The session: all tokens that go back to one log-in.
    pub session: Id,
    /// How often the session's tokens had been rotated when this one was made, from 0.
    pub generation: i64,
    /// Unix milliseconds.
    pub expires_at: i64,
}

/// The claims on the wire. Ids are texts, because JavaScript has no 64-bit numbers.
#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    sid: String,
    iat: u64,
    exp: u64,
    jti: String,
    /// Only in refresh tokens.
    #[serde(rename = "gen", default, skip_serializing_if = "Option::is_none")]
    generation: Option<i64>,
}

impl Claims {
    fn new(audience: &str, user: Id, session: Id, lifetime: Duration, generation: Option<i64>) -> Self {
        let now = now_s();
        Self {
            iss: ISSUER.to_owned(),
            aud: audience.to_owned(),
            sub: user.to_string(),
            sid: session.to_string(),
            iat: now,
            exp: now + lifetime.as_secs(),
            jti: random_id(),
            generation,
        }
    }

    /// The user, the session and the expiry in Unix milliseconds.
    fn parts(&self) -> Option<(Id, Id, i64)> {
        let expires_at = i64::try_from(self.exp).ok()?.checked_mul(1000)?;
        Some((self.sub.parse().ok()?, self.sid.parse().ok()?, expires_at))
    }
}

/// Makes user tokens. Only the user service has the key for it.
#[derive(Clone)]
pub struct UserTokens {
    key: EncodingKey,
    public: DecodingKey,
    refresh_rules: Validation,
    access_ttl: Duration,
    refresh_ttl: Duration,
}

impl UserTokens {
    pub(crate) fn new(
        key: EncodingKey,
        public: DecodingKey,
        access_ttl: Duration,
        refresh_ttl: Duration,
    ) -> Self {
        let refresh_rules = rules(ISSUER, REFRESH_AUDIENCE, Duration::ZERO);
        Self { key, public, refresh_rules, access_ttl, refresh_ttl }
    }

    /// A new access token.
    pub fn access(&self, user: Id, session: Id) -> Result<String, TokenError> {
        sign(ACCESS, &Claims::new(ACCESS_AUDIENCE, user, session, self.access_ttl, None), &self.key)
    }

    /// A new refresh token, the session's `generation`-th.
    pub fn refresh(&self, user: Id, session: Id, generation: i64) -> Result<String, TokenError> {
        let claims = Claims::new(REFRESH_AUDIENCE, user, session, self.refresh_ttl, Some(generation));
        sign(REFRESH, &claims, &self.key)
    }

    /// What a refresh token says. Whether its session still stands is for the user service to look up.
    pub fn check_refresh(&self, token: &str) -> Result<RefreshClaims, TokenError> {
        let claims: Claims = check(REFRESH, token, &self.public, &self.refresh_rules)?;
        match (claims.parts(), claims.generation) {
            (Some((user_id, session, expires_at)), Some(generation)) => {
                Ok(RefreshClaims { user_id, session, generation, expires_at })
            }
            _ => Err(TokenError::Invalid),
        }
    }

    /// How long a refresh token is valid, and so how long a session must be remembered.
    pub fn refresh_ttl(&self) -> Duration {
        self.refresh_ttl
    }
}

/// Checks access tokens. Clones share what they remember.
#[derive(Clone)]
pub struct UserVerifier {
    key: DecodingKey,
    rules: Validation,
    seen: Cache<Box<str>, UserClaims>,
}

impl UserVerifier {
    pub(crate) fn new(key: DecodingKey) -> Self {
        Self { key, rules: rules(ISSUER, ACCESS_AUDIENCE, Duration::ZERO), seen: jwt::memory() }
    }

    /// What an access token says. It holds for the token's lifetime, whatever happens to the session meanwhile.
    pub fn verify(&self, token: &str) -> Result<UserClaims, TokenError> {
        let claims = match self.seen.get(token) {
            Some(claims) => claims,
            None => self.verify_afresh(token)?,
        };
        if claims.expires_at <= fanone_base::time::now_ms() {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }

    fn verify_afresh(&self, token: &str) -> Result<UserClaims, TokenError> {
        let claims: Claims = check(ACCESS, token, &self.key, &self.rules)?;
        let (user_id, session, expires_at) = claims.parts().ok_or(TokenError::Invalid)?;
        let claims = UserClaims { user_id, session, expires_at };
        self.seen.insert(token.into(), claims);
        Ok(claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Keys, OnMissing};

    const LIFE: Duration = Duration::from_secs(60);

    fn site() -> (tempfile::TempDir, Keys) {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(folder.path(), OnMissing::Generate).unwrap();
        (folder, keys)
    }

    #[test]
    fn an_access_token_says_who_is_logged_in() {
        let (_folder, keys) = site();
        let tokens = keys.user_tokens(LIFE, LIFE).unwrap();
        let verifier = keys.user_verifier().unwrap();
        let token = tokens.access(Id(7_000_000_000_000_000_001), Id(8)).unwrap();
        for _ in 0..2 {
            let claims = verifier.verify(&token).unwrap();
            assert_eq!((claims.user_id, claims.session), (Id(7_000_000_000_000_000_001), Id(8)));
        }
    }

    #[test]
    fn a_refresh_token_keeps_its_generation() {
        let (_folder, keys) = site();
        let tokens = keys.user_tokens(LIFE, LIFE).unwrap();
        let claims = tokens.check_refresh(&tokens.refresh(Id(7), Id(8), 9).unwrap()).unwrap();
        assert_eq!((claims.user_id, claims.session, claims.generation), (Id(7), Id(8), 9));
    }

    #[test]
    fn one_kind_of_token_is_never_the_other() {
        let (_folder, keys) = site();
        let tokens = keys.user_tokens(LIFE, LIFE).unwrap();
        let (access, refresh) =
            (tokens.access(Id(7), Id(8)).unwrap(), tokens.refresh(Id(7), Id(8), 0).unwrap());
        let verifier = keys.user_verifier().unwrap();
        assert!(matches!(verifier.verify(&refresh), Err(TokenError::Invalid)));
        assert!(matches!(tokens.check_refresh(&access), Err(TokenError::Invalid)));
        let service = keys.service_tokens("fanone.user", LIFE).unwrap().for_callee("fanone").unwrap();
        assert!(matches!(verifier.verify(&service), Err(TokenError::Invalid)));
    }

    #[test]
    fn an_expired_token_is_told_apart_even_if_it_was_seen_valid() {
        let (_folder, keys) = site();
        let tokens = keys.user_tokens(Duration::ZERO, Duration::ZERO).unwrap();
        let verifier = keys.user_verifier().unwrap();
        let token = tokens.access(Id(7), Id(8)).unwrap();
        assert!(matches!(verifier.verify(&token), Err(TokenError::Expired)));

        let past = UserClaims { user_id: Id(7), session: Id(8), expires_at: 1 };
        verifier.seen.insert("remembered".into(), past);
        assert!(matches!(verifier.verify("remembered"), Err(TokenError::Expired)));
    }

    #[test]
    fn what_is_no_token_of_ours_is_invalid() {
        let (_folder, keys) = site();
        let tokens = keys.user_tokens(LIFE, LIFE).unwrap();
        let verifier = keys.user_verifier().unwrap();
        assert!(matches!(verifier.verify(""), Err(TokenError::Missing)));
        let good = tokens.access(Id(7), Id(8)).unwrap();
        let (signed, signature) = good.rsplit_once('.').unwrap();
        let (_, claims) = signed.split_once('.').unwrap();
        // {"typ":"at+jwt","alg":"none"} and {"typ":"at+jwt","alg":"HS256"}
        let none = format!("eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJub25lIn0.{claims}.");
        let symmetric = format!("eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJIUzI1NiJ9.{claims}.{signature}");
        let (_other, foreign) = site();
        let foreign = foreign.user_tokens(LIFE, LIFE).unwrap().access(Id(7), Id(8)).unwrap();
        let long = "a".repeat(1 << 20);
        for token in ["a", "a.b.c", "..", &none, &symmetric, &format!("{signed}."), &foreign, &long] {
            assert!(matches!(verifier.verify(token), Err(TokenError::Invalid)), "{token}");
        }
    }
}
