//! Signing and checking, common to the three types of token.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, errors::ErrorKind};
use serde::{Serialize, de::DeserializeOwned};

/// No token of ours comes near it; a longer one is not even looked at.
const TOKEN_BYTES_MAX: usize = 2048;
/// The most tokens whose check is remembered.
const REMEMBERED_MAX: u64 = 50_000;

/// Why a token is not accepted, or could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// There is no token.
    #[error("no token")]
    Missing,
    /// It was valid once.
    #[error("the token has expired")]
    Expired,
    /// It is no token of ours, of another type, or meant for somebody else.
    #[error("the token is invalid")]
    Invalid,
    /// A new token could not be signed.
    #[error("cannot sign a token")]
    Signing(#[source] jsonwebtoken::errors::Error),
}

/// Signs `claims` as a token of type `typ`.
pub(crate) fn sign<T: Serialize>(typ: &str, claims: &T, key: &EncodingKey) -> Result<String, TokenError> {
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some(typ.to_owned());
    jsonwebtoken::encode(&header, claims, key).map_err(TokenError::Signing)
}

/// What a token must be to be accepted: the algorithm is fixed, and all of issuer, audience and expiry must be there.
pub(crate) fn rules(issuer: &str, audience: &str, leeway: Duration) -> Validation {
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_required_spec_claims(&["exp", "iss", "aud"]);
    rules.set_issuer(&[issuer]);
    rules.set_audience(&[audience]);
    rules.leeway = leeway.as_secs();
    rules
}

/// The claims of `token` if it is of type `typ`, signed with `key`, and keeps `rules`.
pub(crate) fn check<T: DeserializeOwned>(
    typ: &str,
    token: &str,
    key: &DecodingKey,
    rules: &Validation,
) -> Result<T, TokenError> {
    if token.is_empty() {
        return Err(TokenError::Missing);
    }
    if token.len() > TOKEN_BYTES_MAX {
        return Err(TokenError::Invalid);
    }
    match jsonwebtoken::decode_header(token) {
        Ok(header) if header.typ.as_deref() == Some(typ) => {}
        _ => return Err(TokenError::Invalid),
    }
    match jsonwebtoken::decode::<T>(token, key, rules) {
        Ok(data) => Ok(data.claims),
        Err(error) if matches!(error.kind(), ErrorKind::ExpiredSignature) => Err(TokenError::Expired),
        Err(_) => Err(TokenError::Invalid),
    }
}

/// Remembers what was found in good tokens, because checking a signature costs some 50 µs.
/// Whoever asks must still look at the expiry.
pub(crate) fn memory<T: Clone + Send + Sync + 'static>() -> moka::sync::Cache<Box<str>, T> {
    moka::sync::Cache::builder().max_capacity(REMEMBERED_MAX).time_to_live(Duration::from_secs(900)).build()
}

/// Seconds since 1970, as tokens count.
pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// 128 random bits, to tell tokens apart.
pub(crate) fn random_id() -> String {
    let mut bytes = [0; 16];
    // The operating system's generator fails only where nothing else would work either; the name
    // of a token is no secret, so an all-zero one does no harm.
    let _ = getrandom::fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}
