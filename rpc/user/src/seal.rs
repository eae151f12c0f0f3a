//! Secrets at rest: sealed, so that a copy of the database alone is of no use.

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Generate, Payload},
};
use fanone_base::Id;

/// The nonce comes first in a sealed text; with 192 bits it may be chosen at random.
const NONCE_BYTES: usize = 24;

/// Why a secret cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealError {
    /// The operating system gave no random bytes.
    #[error("no random bytes")]
    Random(#[source] getrandom::Error),
    /// Not sealed with this key for this user, or damaged.
    #[error("a sealed secret does not open")]
    Broken,
}

/// Seals and opens with one key.
#[derive(Clone)]
pub(crate) struct Seal(XChaCha20Poly1305);

impl Seal {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(XChaCha20Poly1305::new(key.into()))
    }

    /// Seals a secret so that it opens for `user` only.
    pub(crate) fn close(&self, user: Id, secret: &[u8]) -> Result<Vec<u8>, SealError> {
        let nonce = XNonce::try_generate().map_err(SealError::Random)?;
        let payload = Payload { msg: secret, aad: &user.0.to_be_bytes() };
        let Ok(sealed) = self.0.encrypt(&nonce, payload) else { return Err(SealError::Broken) };
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// The secret that was sealed for `user`.
    pub(crate) fn open(&self, user: Id, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let Some((nonce, sealed)) = sealed.split_first_chunk::<NONCE_BYTES>() else {
            return Err(SealError::Broken);
        };
        let payload = Payload { msg: sealed, aad: &user.0.to_be_bytes() };
        let Ok(secret) = self.0.decrypt(nonce.into(), payload) else { return Err(SealError::Broken) };
        Ok(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_secret_opens_for_its_user_and_key_only() {
        let seal = Seal::new(&[7; 32]);
        let sealed = seal.close(Id(1), b"secret").unwrap();
        assert_eq!(seal.open(Id(1), &sealed).unwrap(), b"secret");
        assert_ne!(seal.close(Id(1), b"secret").unwrap(), sealed, "no nonce is used twice");
        assert!(seal.open(Id(2), &sealed).is_err());
        assert!(Seal::new(&[8; 32]).open(Id(1), &sealed).is_err());
        assert!(seal.open(Id(1), &[]).is_err());
    }
}
