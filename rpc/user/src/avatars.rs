//! Avatars: a user's picture, which is also one of the library.

use fanone_base::{Id, IdGenerator, time};

use crate::{
    accounts::Accounts,
    error::UserError,
    pictures::{self, Pictures},
    store::{Picture, Profile},
};

/// Gives users avatars.
#[derive(Clone)]
pub(crate) struct Avatars {
    pub(crate) accounts: Accounts,
    pub(crate) pictures: Pictures,
    pub(crate) ids: IdGenerator,
}

impl Avatars {
    /// Sets a user's avatar; answers the user and the media key that nothing refers to any more.
    pub(crate) async fn set(
        &self,
        user: Id,
        key: &str,
        vector: &[u8],
        model: &str,
    ) -> Result<(Profile, Option<String>), UserError> {
        pictures::check(key, vector, model)?;
        let picture = Picture {
            id: self.ids.next(user.bucket()).0,
            media_key: key.to_owned(),
            user_id: user.0,
            video_id: 0,
            vector: vector.to_vec(),
            model: model.to_owned(),
            created_at: time::now_ms(),
        };
        let previous = self.pictures.store.replace_avatar(picture.clone()).await?;
        let (previous_id, previous_key) = previous.ok_or(UserError::UserNotFound)?;
        if previous_id != 0 {
            self.pictures.removed(&[Id(previous_id)]).await;
        }
        self.pictures.added(vec![picture]).await;
        let still_used = previous_key.is_empty() || previous_key == key;
        Ok((self.accounts.profile(user).await?, (!still_used).then_some(previous_key)))
    }
}

#[cfg(test)]
mod tests {
    use fanone_base::Bucket;
    use fanone_vectors::to_bytes;

    use super::*;
    use crate::testing::{MODEL, World};

    #[tokio::test]
    async fn a_new_avatar_takes_the_place_of_the_last_one_in_the_library_too() {
        let world = World::new().await;
        let alice = world.user("alice").await;
        let (avatars, pictures) = (&world.service.avatars, &world.service.pictures);
        let (first, second) = (to_bytes(&[1.0, 0.0]), to_bytes(&[0.0, 1.0]));
        let (user, previous) = avatars.set(alice, "p/1", &first, MODEL).await.unwrap();
        assert_eq!((user.avatar.as_str(), previous), ("p/1", None));
        let (user, previous) = avatars.set(alice, "p/2", &second, MODEL).await.unwrap();
        assert_eq!((user.avatar.as_str(), previous.as_deref()), ("p/2", Some("p/1")));
        let found = pictures.search(&first, MODEL, 10).await.unwrap();
        let keys: Vec<&str> = found.iter().map(|found| found.picture.media_key.as_str()).collect();
        assert_eq!(keys, ["p/2"]);
        let (_, previous) = avatars.set(alice, "p/2", &second, MODEL).await.unwrap();
        assert_eq!(previous, None, "the same file again is still in use");
    }

    #[tokio::test]
    async fn nobody_gets_no_avatar_and_leaves_nothing_behind() {
        let world = World::new().await;
        let nobody = world.service.avatars.ids.next(Bucket::new(5));
        let vector = to_bytes(&[1.0]);
        let result = world.service.avatars.set(nobody, "p/1", &vector, MODEL).await;
        assert!(matches!(result, Err(UserError::UserNotFound)));
        assert!(world.service.pictures.search(&vector, MODEL, 10).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn what_is_no_key_or_vector_is_refused_by_its_field() {
        let world = World::new().await;
        let alice = world.user("alice").await;
        let long = "k".repeat(256);
        let wrong =
            [("", &[][..], "key"), (&long, &[], "key"), ("k", &[0; 3], "vector"), ("k", &[255; 4], "vector")];
        for (key, vector, field) in wrong {
            let result = world.service.avatars.set(alice, key, vector, MODEL).await;
            let Err(UserError::Field(error)) = result else { panic!("{field} is refused") };
            assert_eq!(error.field, field);
        }
    }
}
