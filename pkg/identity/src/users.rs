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
