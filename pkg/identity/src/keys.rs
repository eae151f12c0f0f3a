//! Key files: one folder, PEM, readable by their owner only.
//!
//! ```text
//! user-tokens.key     signs user tokens; the user service needs it
//! user-tokens.pub     checks them; every service needs it
//! <service>.key       proves one service's name; that service needs it
//! <service>.pub       checks that proof; every service needs all of them
//! <client>.key        proves the name of a foreign program; that program needs it
//! <client>.pub        checks that proof; every service needs those of `identity.clients`
//! mfa.key             seals MFA secrets (32 bytes, base64); the user service needs it
//! ```
//!
//! The same files come out of `openssl genpkey -algorithm ed25519 -out X.key` and
//! `openssl pkey -in X.key -pubout -out X.pub`.

use std::{
    fs, io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{
    SigningKey, VerifyingKey,
    pkcs8::{
        DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, KeypairBytes,
        spki::der::pem::LineEnding,
    },
};
use jsonwebtoken::{DecodingKey, EncodingKey};

use crate::{ServiceTokens, ServiceVerifier, UserTokens, UserVerifier, permissions::SERVICES};

const USER_TOKENS: &str = "user-tokens";
const MFA: &str = "mfa.key";

/// What to do about a key file that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnMissing {
    /// Make it (development).
    Generate,
    /// Refuse to start (production).
    Refuse,
}

/// A key file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It is not there, and may not be made here.
    #[error("the key file {} is missing; make all of them with `fanone keys {}`", .0.display(), folder(.0))]
    Missing(PathBuf),
    /// It cannot be read or written.
    #[error("cannot read or write the key file {}", .0.display())]
    File(PathBuf, #[source] io::Error),
    /// It holds something else.
    #[error("the key file {} holds no {expected}", .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What should be in it.
        expected: &'static str,
    },
}

fn folder(path: &Path) -> String {
    path.parent().map_or_else(|| ".".to_owned(), |folder| folder.display().to_string())
}

/// A folder of key files. Each is read when it is asked for, so a role reads only what it needs.
#[derive(Clone, Debug)]
pub struct Keys {
    folder: PathBuf,
    on_missing: OnMissing,
    clients: Arc<[String]>,
}

impl Keys {
    /// The keys in `folder`.
    pub fn open(folder: &Path, on_missing: OnMissing) -> Result<Self, KeyError> {
        if on_missing == OnMissing::Generate {
            generate_all(folder)?;
        }
        Ok(Self { folder: folder.to_owned(), on_missing, clients: Arc::default() })
    }

    /// Lets foreign programs of these names in, each with a key of its own.
    pub fn with_clients(mut self, clients: &[String]) -> Result<Self, KeyError> {
        if self.on_missing == OnMissing::Generate {
            generate_for(&self.folder, clients)?;
        }
        self.clients = clients.into();
        Ok(self)
    }

    /// The foreign programs that are let in.
    pub(crate) fn clients(&self) -> &[String] {
        &self.clients
    }

    /// What makes user tokens; for the user service.
    pub fn user_tokens(&self, access_ttl: Duration, refresh_ttl: Duration) -> Result<UserTokens, KeyError> {
        Ok(UserTokens::new(self.private(USER_TOKENS)?, self.public(USER_TOKENS)?, access_ttl, refresh_ttl))
    }

    /// What checks access tokens.
    pub fn user_verifier(&self) -> Result<UserVerifier, KeyError> {
        Ok(UserVerifier::new(self.public(USER_TOKENS)?))
    }

    /// What proves the name of `service`.
    pub fn service_tokens(&self, service: &str, lifetime: Duration) -> Result<ServiceTokens, KeyError> {
        Ok(ServiceTokens::new(service, self.private(service)?, lifetime))
    }

    /// What checks the callers of `service`.
    pub fn service_verifier(&self, service: &str) -> Result<ServiceVerifier, KeyError> {
        let names = SERVICES.iter().copied().chain(self.clients.iter().map(String::as_str));
        let keys: Result<Vec<_>, KeyError> =
            names.map(|name| Ok((Arc::from(name), self.public(name)?))).collect();
        Ok(ServiceVerifier::new(service, keys?))
    }

    /// The key that seals MFA secrets; for the user service.
    pub fn mfa(&self) -> Result<[u8; 32], KeyError> {
        let path = self.folder.join(MFA);
        let text = read(&path)?;
        let bytes = STANDARD.decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.ok_or(KeyError::Content { path, expected: "32 bytes in base64" })
    }

    fn private(&self, name: &str) -> Result<EncodingKey, KeyError> {
        let path = self.folder.join(format!("{name}.key"));
        let der = read_private(&path)?.to_pkcs8_der().ok();
        let key = der.map(|der| EncodingKey::from_ed_der(der.as_bytes()));
        key.ok_or(KeyError::Content { path, expected: PRIVATE })
    }

    fn public(&self, name: &str) -> Result<DecodingKey, KeyError> {
        let path = self.folder.join(format!("{name}.pub"));
        match VerifyingKey::from_public_key_pem(&read(&path)?) {
            Ok(key) => Ok(DecodingKey::from_ed_der(key.as_bytes())),
            Err(_) => Err(KeyError::Content { path, expected: "Ed25519 public key in PEM" }),
        }
    }
}

const PRIVATE: &str = "Ed25519 private key in PEM (PKCS #8)";

/// Makes every key file that is not in `folder` yet. Several processes may do so at once: they
/// end up with the same keys.
pub fn generate_all(folder: &Path) -> Result<(), KeyError> {
    fs::create_dir_all(folder).map_err(|error| KeyError::File(folder.to_owned(), error))?;
    for name in SERVICES.iter().copied().chain([USER_TOKENS]) {
        generate_pair(folder, name)?;
    }
    let mfa = folder.join(MFA);
    if !mfa.exists() {
        create(&mfa, &STANDARD.encode(random(&mfa)?))?;
    }
    Ok(())
}

/// Makes the key pairs of foreign programs that are not in `folder` yet.
pub fn generate_for(folder: &Path, clients: &[String]) -> Result<(), KeyError> {
    clients.iter().try_for_each(|name| generate_pair(folder, name))
}

/// Makes `<name>.key` and, from whatever is in that file, `<name>.pub`. A public key that stands
/// alone is left alone: its private key lives elsewhere.
fn generate_pair(folder: &Path, name: &str) -> Result<(), KeyError> {
    let (private, public) = (folder.join(format!("{name}.key")), folder.join(format!("{name}.pub")));
    if public.exists() {
        return Ok(());
    }
    if !private.exists() {
        // Without the public half, which OpenSSL does not read in a private key.
        let pair = KeypairBytes { secret_key: random(&private)?, public_key: None };
        let Ok(pem) = pair.to_pkcs8_pem(LineEnding::LF) else {
            return Err(KeyError::Content { path: private, expected: PRIVATE });
        };
        create(&private, &pem)?;
    }
    let Ok(pem) = read_private(&private)?.verifying_key().to_public_key_pem(LineEnding::LF) else {
        return Err(KeyError::Content { path: private, expected: PRIVATE });
    };
    create(&public, &pem)
}

fn read_private(path: &Path) -> Result<SigningKey, KeyError> {
    match SigningKey::from_pkcs8_pem(&read(path)?) {
        Ok(key) => Ok(key),
        Err(_) => Err(KeyError::Content { path: path.to_owned(), expected: PRIVATE }),
    }
}

fn read(path: &Path) -> Result<String, KeyError> {
    fs::read_to_string(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => KeyError::Missing(path.to_owned()),
        _ => KeyError::File(path.to_owned(), error),
    })
}

/// 32 bytes from the operating system; `path` says what they are for.
fn random(path: &Path) -> Result<[u8; 32], KeyError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| KeyError::File(path.to_owned(), io::Error::other(error)))?;
    Ok(bytes)
}

/// Creates `path` whole or not at all; a file that is there already stays as it is.
fn create(path: &Path, content: &str) -> Result<(), KeyError> {
    let failed = |error| KeyError::File(path.to_owned(), error);
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", crate::jwt::random_id()));
    let new = PathBuf::from(name);
    let mut file =
        fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new).map_err(failed)?;
    let written = io::Write::write_all(&mut file, content.as_bytes()).and_then(|()| file.sync_all());
    // A link never replaces what is there, so the first process wins and the others see its file.
    let linked = written.and_then(|()| fs::hard_link(&new, path));
    fs::remove_file(&new).map_err(failed)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn in_production_a_missing_key_is_named_with_the_way_to_make_it() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(folder.path(), OnMissing::Refuse).unwrap();
        let text = keys.user_verifier().err().unwrap().to_string();
        assert!(text.contains("user-tokens.pub") && text.contains("fanone keys"), "{text}");
        assert!(matches!(keys.mfa(), Err(KeyError::Missing(_))));
    }

    #[test]
    fn keys_are_made_once_for_the_owners_eyes_only() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(folder.path(), OnMissing::Generate).unwrap();
        let mfa = keys.mfa().unwrap();
        let before = fs::read(folder.path().join("fanone.user.key")).unwrap();
        let again = Keys::open(folder.path(), OnMissing::Generate).unwrap();
        assert_eq!(again.mfa().unwrap(), mfa);
        assert_eq!(fs::read(folder.path().join("fanone.user.key")).unwrap(), before);
        let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(Result::unwrap).collect();
        assert_eq!(files.len(), 2 * (SERVICES.len() + 1) + 1, "nothing is left over: {files:?}");
        for file in files {
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn processes_that_start_together_agree_on_their_keys() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..5 {
                scope.spawn(|| generate_all(folder.path()).unwrap());
            }
        });
        for name in SERVICES.iter().chain(&[USER_TOKENS]) {
            let private = read_private(&folder.path().join(format!("{name}.key"))).unwrap();
            let public = fs::read_to_string(folder.path().join(format!("{name}.pub"))).unwrap();
            assert_eq!(VerifyingKey::from_public_key_pem(&public).unwrap(), private.verifying_key());
        }
    }

    #[test]
    fn a_role_with_public_keys_only_makes_no_others() {
        let folder = tempfile::tempdir().unwrap();
        generate_all(folder.path()).unwrap();
        fs::remove_file(folder.path().join("fanone.video.key")).unwrap();
        let keys = Keys::open(folder.path(), OnMissing::Generate).unwrap();
        assert!(matches!(keys.service_tokens("fanone.video", Duration::ZERO), Err(KeyError::Missing(_))));
    }

    #[test]
    fn a_file_with_something_else_in_it_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(folder.path(), OnMissing::Generate).unwrap();
        fs::write(folder.path().join("user-tokens.pub"), "nonsense").unwrap();
        fs::write(folder.path().join(MFA), "c2hvcnQ=").unwrap();
        assert!(matches!(keys.user_verifier(), Err(KeyError::Content { .. })));
        assert!(matches!(keys.mfa(), Err(KeyError::Content { .. })));
    }
}
