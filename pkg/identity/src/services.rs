//! Service tokens: each service proves its name to the one it calls.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use jsonwebtoken::{DecodingKey, EncodingKey, Validation};
use moka::sync::Cache;
use serde::{Deserialize, Serialize};

use crate::jwt::{self, TokenError, check, now_s, rules, sign};

const SERVICE: &str = "svc+jwt";
/// How far the clocks of two machines may differ.
const LEEWAY: Duration = Duration::from_secs(5);

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    iat: u64,
    exp: u64,
}

/// Makes this service's tokens. Clones share them.
#[derive(Clone)]
pub struct ServiceTokens {
    name: Arc<str>,
    key: EncodingKey,
    lifetime: Duration,
    made: Arc<RwLock<HashMap<Box<str>, Made>>>,
}

/// A token in use.
struct Made {
    token: Arc<str>,
    /// Unix seconds; from then on a new one is made.
    renew_at: u64,
}

impl ServiceTokens {
    pub(crate) fn new(name: &str, key: EncodingKey, lifetime: Duration) -> Self {
        Self { name: name.into(), key, lifetime, made: Arc::default() }
    }

    /// The name that the tokens prove.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A token for calls to `callee`, the same until a quarter of its life is left.
    pub fn for_callee(&self, callee: &str) -> Result<Arc<str>, TokenError> {
        let now = now_s();
        if let Some(made) = self.made.read().unwrap_or_else(PoisonError::into_inner).get(callee)
            && now < made.renew_at
        {
            return Ok(made.token.clone());
        }
        // Two tasks may come here at once; then two tokens are made, and both are good.
        let lifetime = self.lifetime.as_secs();
        let claims =
            Claims { iss: self.name.to_string(), aud: callee.to_owned(), iat: now, exp: now + lifetime };
        let token: Arc<str> = sign(SERVICE, &claims, &self.key)?.into();
        let made = Made { token: token.clone(), renew_at: now + lifetime - lifetime / 4 };
        self.made.write().unwrap_or_else(PoisonError::into_inner).insert(callee.into(), made);
        Ok(token)
    }
}

/// Checks the tokens that other services send to this one. Clones share what they remember.
#[derive(Clone)]
pub struct ServiceVerifier {
    /// By the caller's name.
    keys: Arc<HashMap<Arc<str>, (DecodingKey, Validation)>>,
    /// Token to the caller's name and the expiry in Unix seconds.
    seen: Cache<Box<str>, (Arc<str>, u64)>,
}

impl ServiceVerifier {
    pub(crate) fn new(own_name: &str, keys: Vec<(Arc<str>, DecodingKey)>) -> Self {
        let with_rules = |(name, key): (Arc<str>, DecodingKey)| {
            let rules = rules(&name, own_name, LEEWAY);
            (name, (key, rules))
        };
        Self { keys: Arc::new(keys.into_iter().map(with_rules).collect()), seen: jwt::memory() }
    }

    /// The name of the service that sent `token`.
    pub fn verify(&self, token: &str) -> Result<Arc<str>, TokenError> {
        let (name, expires_at) = match self.seen.get(token) {
            Some(seen) => seen,
            None => self.verify_afresh(token)?,
        };
        if expires_at + LEEWAY.as_secs() < now_s() {
            return Err(TokenError::Expired);
        }
        Ok(name)
    }

    fn verify_afresh(&self, token: &str) -> Result<(Arc<str>, u64), TokenError> {
        if token.is_empty() {
            return Err(TokenError::Missing);
        }
        // Unproven: it only says which key to try.
        let Ok(claims) = jsonwebtoken::dangerous::insecure_decode::<Claims>(token) else {
            return Err(TokenError::Invalid);
        };
        let Some((name, (key, rules))) = self.keys.get_key_value(claims.claims.iss.as_str()) else {
            return Err(TokenError::Invalid);
        };
        let claims: Claims = check(SERVICE, token, key, rules)?;
        let seen = (name.clone(), claims.exp);
        self.seen.insert(token.into(), seen.clone());
        Ok(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Keys, OnMissing};

    const LIFE: Duration = Duration::from_secs(300);

    fn site() -> (tempfile::TempDir, Keys) {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(folder.path(), OnMissing::Generate).unwrap();
        (folder, keys)
    }

    #[test]
    fn a_service_proves_its_name_to_the_one_it_calls_and_to_no_other() {
        let (_folder, keys) = site();
        let token = keys.service_tokens("fanone.http", LIFE).unwrap().for_callee("fanone.user").unwrap();
        let user = keys.service_verifier("fanone.user").unwrap();
        for _ in 0..2 {
            assert_eq!(&*user.verify(&token).unwrap(), "fanone.http");
        }
        let video = keys.service_verifier("fanone.video").unwrap();
        assert!(matches!(video.verify(&token), Err(TokenError::Invalid)));
    }

    #[test]
    fn a_name_counts_only_with_its_own_key() {
        let (_folder, keys) = site();
        // The key of one service, used to claim the name of another.
        let liar = keys.service_tokens("fanone.video", LIFE).unwrap();
        let liar = ServiceTokens { name: "fanone.http".into(), ..liar };
        let user = keys.service_verifier("fanone.user").unwrap();
        assert!(matches!(user.verify(&liar.for_callee("fanone.user").unwrap()), Err(TokenError::Invalid)));
        let stranger = ServiceTokens { name: "fanone.stranger".into(), ..liar };
        assert!(matches!(
            user.verify(&stranger.for_callee("fanone.user").unwrap()),
            Err(TokenError::Invalid)
        ));
        assert!(matches!(user.verify(""), Err(TokenError::Missing)));
    }

    #[test]
    fn a_token_is_used_again_until_it_is_nearly_over() {
        let (_folder, keys) = site();
        let tokens = keys.service_tokens("fanone.http", LIFE).unwrap();
        let first = tokens.for_callee("fanone.user").unwrap();
        assert!(Arc::ptr_eq(&first, &tokens.clone().for_callee("fanone.user").unwrap()));
        tokens.made.write().unwrap().get_mut("fanone.user").unwrap().renew_at = now_s();
        assert!(!Arc::ptr_eq(&first, &tokens.for_callee("fanone.user").unwrap()));
    }
}
