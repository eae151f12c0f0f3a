//! Accounts: registering them and looking them up.

use fanone_base::{Id, IdGenerator, InvalidField, time};
use fanone_store::Recent;

use crate::{
    error::UserError,
    names::Username,
    passwords::{self, Passwords},
    store::{AccountStore, NewAccount, Profile, Registered},
};

/// Ids asked for at once.
const IDS_MAX: usize = 100;
/// Ids tried before giving up. Two replicas make the same one at most once in 4096 times of the same millisecond.
const ID_TRIES: usize = 8;

/// Registers and finds accounts.
#[derive(Clone)]
pub(crate) struct Accounts {
    pub(crate) store: AccountStore,
    pub(crate) ids: IdGenerator,
    pub(crate) passwords: Passwords,
    pub(crate) recent: Recent<Id, Profile>,
}

impl Accounts {
    /// Makes an account. Of several at once for one name, one succeeds.
    pub(crate) async fn register(&self, username: &str, password: &str) -> Result<Id, UserError> {
        let name = Username::parse(username)?;
        passwords::check_new(password)?;
        // The index decides; this only spares the hash.
        if self.store.profile_by_name(name.key()).await?.is_some() {
            return Err(UserError::UsernameTaken);
        }
        let hash = self.passwords.turn().await?.hash(password.to_owned()).await?;
        for _ in 0..ID_TRIES {
            let id = self.ids.next(name.bucket());
            let account = NewAccount {
                id,
                username: name.shown().to_owned(),
                username_key: name.key().to_owned(),
                password: hash.clone(),
                created_at: time::now_ms(),
            };
            match self.store.insert(account).await? {
                Registered::Stored => return Ok(id),
                Registered::NameTaken => return Err(UserError::UsernameTaken),
                Registered::IdTaken => {}
            }
        }
        Err(UserError::NoFreeId)
    }

    /// The accounts with these ids, in their order, without the unknown ones.
    pub(crate) async fn get(&self, ids: &[i64]) -> Result<Vec<Profile>, UserError> {
        if ids.len() > IDS_MAX {
            return Err(InvalidField::new("ids", format!("must be at most {IDS_MAX}")).into());
        }
        let ids: Vec<Id> = ids.iter().copied().filter(|id| *id > 0).map(Id).collect();
        if let [id] = *ids {
            return Ok(self.recent.get(self.store.version(id).await, id, self.store.profiles(&[id])).await?);
        }
        Ok(self.store.profiles(&ids).await?)
    }

    /// The account of this name, without case.
    pub(crate) async fn find(&self, username: &str) -> Result<Profile, UserError> {
        let name = Username::parse(username)?;
        self.store.profile_by_name(name.key()).await?.ok_or(UserError::UserNotFound)
    }

    /// One account.
    pub(crate) async fn profile(&self, id: Id) -> Result<Profile, UserError> {
        self.store.profiles(&[id]).await?.pop().ok_or(UserError::UserNotFound)
    }
}

#[cfg(test)]
mod tests {
    use fanone_base::Bucket;
    use futures::future::join_all;

    use super::*;
    use crate::testing::{PASSWORD, World};

    #[tokio::test]
    async fn an_account_is_found_by_id_and_by_name_without_case() {
        let world = World::new().await;
        let alice = world.user("Alice").await;
        let bob = world.user("bob").await;
        let unknown = world.service.accounts.ids.next(Bucket::new(1));
        let found = world.service.accounts.get(&[bob.0, unknown.0, 0, -1, alice.0, bob.0]).await.unwrap();
        let names: Vec<&str> = found.iter().map(|user| user.username.as_str()).collect();
        assert_eq!(names, ["bob", "Alice", "bob"]);
        assert_eq!(world.service.accounts.find("ａLICE").await.unwrap().id, alice.0);
        assert!(matches!(world.service.accounts.find("carol").await, Err(UserError::UserNotFound)));
    }

    #[tokio::test]
    async fn a_name_is_given_once_whatever_its_case_even_at_once() {
        let world = World::new().await;
        let names = ["Dora", "dora", "DORA", "dOra", "ｄora"];
        let all = join_all(names.map(|name| world.service.accounts.register(name, PASSWORD))).await;
        assert_eq!(all.iter().filter(|result| result.is_ok()).count(), 1);
        let refused = all.iter().filter(|result| matches!(result, Err(UserError::UsernameTaken)));
        assert_eq!(refused.count(), names.len() - 1);
    }

    #[tokio::test]
    async fn too_many_ids_are_refused() {
        let world = World::new().await;
        assert!(matches!(world.service.accounts.get(&[1; 101]).await, Err(UserError::Field(_))));
        assert!(world.service.accounts.get(&[]).await.unwrap().is_empty());
    }
}
