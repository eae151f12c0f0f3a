//! Many accounts at once, for a site that is filled with made-up rows. Nobody can log in as one of them.

use fanone_base::{Id, InvalidField};
use fanone_store::{Store, StoreError, bulk};
use sea_orm::ActiveValue::Set;

use super::accounts::{self, NewAccount};
use crate::{names::Username, passwords::NOBODY};

/// An account to be loaded, with the counts that other services would tell us of one by one.
#[derive(Clone, Debug)]
pub struct UserRow {
    /// Nobody else's, whatever the case.
    pub name: String,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Live videos.
    pub videos: i64,
    /// Likes of those.
    pub likes: i64,
}

/// Why accounts can't be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// One may not be called that.
    #[error("name of an account")]
    Name(#[from] InvalidField),
    /// They can't be stored; a name may be in use.
    #[error("store")]
    Store(#[from] StoreError),
}

/// Stores accounts and answers their ids, in their order. If this fails, some may be stored.
pub async fn load(store: &Store, users: Vec<UserRow>) -> Result<Vec<Id>, LoadError> {
    let mut ids = Vec::with_capacity(users.len());
    let mut rows = Vec::with_capacity(users.len());
    for user in users {
        let name = Username::parse(&user.name)?;
        let id = Id::at(user.created_at, name.bucket());
        let account = NewAccount {
            id,
            username: name.shown().to_owned(),
            username_key: name.key().to_owned(),
            password: NOBODY.to_owned(),
            created_at: id.millis(),
        };
        let mut row = accounts::row(account);
        row.video_count = Set(user.videos);
        row.like_count = Set(user.likes);
        ids.push(id);
        rows.push((id.bucket(), row));
    }
    bulk::insert(store, rows).await?;
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use fanone_base::Bucket;

    use super::*;
    use crate::{error::UserError, testing::World};

    fn user(number: i64) -> UserRow {
        UserRow {
            name: format!("Author {number}"),
            created_at: 1_750_000_000_000 + number,
            videos: number,
            likes: 2,
        }
    }

    #[tokio::test]
    async fn loaded_accounts_are_found_by_id_and_by_name_in_the_bucket_of_the_name() {
        let world = World::new().await;
        let accounts = &world.service.accounts;
        let ids = load(&accounts.store.0, (0..700).map(user).collect()).await.unwrap();
        let found = accounts.profile(ids[650]).await.unwrap();
        assert_eq!((found.username.as_str(), found.video_count, found.like_count), ("Author 650", 650, 2));
        assert_eq!((found.created_at, ids[650].millis()), (1_750_000_000_650, 1_750_000_000_650));
        assert_eq!(accounts.find("AUTHOR 7").await.unwrap().id, ids[7].0);
        assert_eq!(ids[7].bucket(), Bucket::of_name("author 7"));
    }

    #[tokio::test]
    async fn nobody_can_log_in_as_a_loaded_account() {
        let world = World::new().await;
        let accounts = &world.service.accounts;
        load(&accounts.store.0, vec![user(1)]).await.unwrap();
        for password in ["password", "", "\0\0\0\0\0\0\0\0"] {
            let hash = accounts.store.credentials_by_name("author 1").await.unwrap().unwrap().password;
            let turn = accounts.passwords.turn().await.unwrap();
            assert!(!turn.matches(password.to_owned(), Some(hash)).await.unwrap().0);
        }
        let taken = accounts.register("author 1", "correct horse").await;
        assert!(matches!(taken, Err(UserError::UsernameTaken)), "{taken:?}");
    }

    #[tokio::test]
    async fn a_name_that_is_none_is_refused() {
        let world = World::new().await;
        let nameless = UserRow { name: " ".to_owned(), ..user(1) };
        let refused = load(&world.service.accounts.store.0, vec![nameless]).await;
        assert!(matches!(refused, Err(LoadError::Name(_))), "{refused:?}");
    }
}
