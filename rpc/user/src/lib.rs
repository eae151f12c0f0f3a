//! The user service: accounts, tokens, MFA, avatars and the picture library.
//!
//! A user's rows (account, sessions, second factor, pictures) share the bucket of the user's name, so that
//! each use case has one shard, and a unique index there makes the name unique everywhere.
//!
//! To start it: open a [`Store`] with [`MIGRATIONS`], serve a [`UserService`], run [`run_jobs`].

mod accounts;
mod avatars;
mod credentials;
mod described;
mod error;
mod events;
mod feed;
mod jobs;
mod lockout;
mod login;
mod mfa;
mod names;
mod passwords;
mod pictures;
mod reindex;
mod seal;
mod service;
mod sessions;
mod store;
#[cfg(test)]
mod testing;
mod wire;

use fanone_base::{IdGenerator, time};
use fanone_config::{Live, Settings};
use fanone_identity::Keys;
use fanone_store::{Recent, Store};
use fanone_vectors::{VectorError, open_index};

use crate::{
    accounts::Accounts,
    avatars::Avatars,
    credentials::CredentialCheck,
    events::Events,
    login::Login,
    mfa::Mfa,
    passwords::Passwords,
    pictures::Pictures,
    seal::Seal,
    sessions::Sessions,
    store::{AccountStore, MfaStore, SessionStore},
};

pub use error::OpenError;
pub use jobs::run_jobs;
pub use reindex::{Progress, ReindexError, reindex};
pub use store::{
    MIGRATIONS, TABLES,
    bulk::{LoadError, UserRow, load},
};

/// The handler of `user.thrift`. Cheap to clone.
#[derive(Clone)]
pub struct UserService {
    accounts: Accounts,
    login: Login,
    sessions: Sessions,
    mfa: Mfa,
    avatars: Avatars,
    pictures: Pictures,
    events: Events,
}

impl UserService {
    /// Whether the index of vectors can be searched.
    pub async fn check_vectors(&self) -> Result<(), VectorError> {
        self.pictures.index.ping().await
    }

    /// The service on its own rows, which [`MIGRATIONS`] have prepared. Fills the picture index.
    pub async fn open(
        settings: &Settings,
        live: &Live,
        store: Store,
        keys: &Keys,
    ) -> Result<Self, OpenError> {
        let index = open_index(&settings.vectors.url, settings.vectors.timeout());
        let pictures = Pictures::open(store.clone(), index).await?;
        let ids = IdGenerator::default();
        let account_store = AccountStore(store.clone());
        let passwords = Passwords::new();
        let credentials = CredentialCheck {
            store: account_store.clone(),
            passwords: passwords.clone(),
            live: live.clone(),
        };
        let identity = &settings.identity;
        let sessions = Sessions {
            store: SessionStore(store.clone()),
            ids: ids.clone(),
            tokens: keys.user_tokens(identity.access_ttl(), identity.refresh_ttl())?,
        };
        let accounts =
            Accounts { store: account_store, ids: ids.clone(), passwords, recent: Recent::default() };
        let mfa = Mfa {
            store: MfaStore(store.clone()),
            seal: Seal::new(&keys.mfa()?),
            live: live.clone(),
            credentials: credentials.clone(),
            now_ms: time::now_ms,
        };
        let login =
            Login { accounts: accounts.clone(), credentials, mfa: mfa.clone(), sessions: sessions.clone() };
        let avatars = Avatars { accounts: accounts.clone(), pictures: pictures.clone(), ids };
        let events = Events { pictures: pictures.clone() };
        Ok(Self { accounts, login, sessions, mfa, avatars, pictures, events })
    }
}
