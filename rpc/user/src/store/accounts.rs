//! The table of accounts.

use std::collections::HashMap;

use fanone_base::{Bucket, Id};
use fanone_store::{Store, StoreError, Tx, inserted};
use futures::future::try_join_all;
use sea_orm::{
    ActiveValue::Set,
    DerivePartialModel, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait},
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "account")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: i64,
    pub(crate) username: String,
    pub(crate) username_key: Vec<u8>,
    pub(crate) password: String,
    pub(crate) avatar_id: i64,
    pub(crate) avatar: String,
    pub(crate) video_count: i64,
    pub(crate) like_count: i64,
    pub(crate) following_count: i64,
    pub(crate) follower_count: i64,
    pub(crate) login_failures: i64,
    pub(crate) login_failed_at: i64,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) deleted_at: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What everybody may know of an account. Times are Unix milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, DerivePartialModel)]
#[sea_orm(entity = "Entity")]
pub(crate) struct Profile {
    pub(crate) id: i64,
    pub(crate) username: String,
    pub(crate) avatar: String,
    pub(crate) video_count: i64,
    pub(crate) like_count: i64,
    pub(crate) following_count: i64,
    pub(crate) follower_count: i64,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) deleted_at: i64,
}

/// What a log-in is checked against.
#[derive(Clone, DerivePartialModel)]
#[sea_orm(entity = "Entity")]
pub(crate) struct Credentials {
    pub(crate) id: i64,
    pub(crate) password: String,
    pub(crate) login_failures: i64,
    pub(crate) login_failed_at: i64,
}

/// An account to be stored.
#[derive(Clone)]
pub(crate) struct NewAccount {
    pub(crate) id: Id,
    pub(crate) username: String,
    pub(crate) username_key: String,
    /// The hash, in the PHC string format.
    pub(crate) password: String,
    pub(crate) created_at: i64,
}

/// What became of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Registered {
    /// The account is stored.
    Stored,
    /// Somebody has the name.
    NameTaken,
    /// Somebody has the id; try another.
    IdTaken,
}

/// By how much the counts of one account move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) videos: i64,
    pub(crate) likes: i64,
    pub(crate) following: i64,
    pub(crate) followers: i64,
}

/// Accounts, each in the bucket of its name.
#[derive(Clone)]
pub(crate) struct AccountStore(pub(crate) Store);

impl AccountStore {
    /// Stores an account, unless its name or its id is in use.
    pub(crate) async fn insert(&self, account: NewAccount) -> Result<Registered, StoreError> {
        let shard = self.0.shard(account.id.bucket());
        shard.write(move |tx| Box::pin(insert(tx, account.clone()))).await
    }

    /// The version of the shard of this account.
    pub(crate) async fn version(&self, id: Id) -> Option<u64> {
        self.0.shard(id.bucket()).version().await
    }

    /// The live accounts with these ids, in the order of the ids; unknown ids are left out.
    pub(crate) async fn profiles(&self, ids: &[Id]) -> Result<Vec<Profile>, StoreError> {
        let reads = self.0.by_shard(ids, |id| id.bucket()).into_iter().map(|(shard, ids)| {
            Entity::find()
                .filter(Column::Id.is_in(ids.iter().map(|id| id.0)))
                .filter(Column::DeletedAt.eq(0))
                .into_partial_model::<Profile>()
                .all(shard.read())
        });
        let found: HashMap<i64, Profile> =
            try_join_all(reads).await?.into_iter().flatten().map(|profile| (profile.id, profile)).collect();
        Ok(ids.iter().filter_map(|id| found.get(&id.0).cloned()).collect())
    }

    /// The live account with this key of a name.
    pub(crate) async fn profile_by_name(&self, key: &str) -> Result<Option<Profile>, StoreError> {
        let query = by_name(key).into_partial_model::<Profile>();
        Ok(query.one(self.0.shard(Bucket::of_name(key)).read()).await?)
    }

    /// What to check a log-in by name against.
    pub(crate) async fn credentials_by_name(&self, key: &str) -> Result<Option<Credentials>, StoreError> {
        let query = by_name(key).into_partial_model::<Credentials>();
        Ok(query.one(self.0.shard(Bucket::of_name(key)).read()).await?)
    }

    /// What to check the password of a logged-in user against.
    pub(crate) async fn credentials(&self, id: Id) -> Result<Option<Credentials>, StoreError> {
        let query = Entity::find_by_id(id.0).filter(Column::DeletedAt.eq(0));
        Ok(query.into_partial_model::<Credentials>().one(self.0.shard(id.bucket()).read()).await?)
    }

    /// Counts a wrong password. Failures up to `forget_until` (Unix milliseconds) no longer count.
    pub(crate) async fn login_failed(&self, id: Id, now: i64, forget_until: i64) -> Result<(), StoreError> {
        let count = Expr::case(Column::LoginFailedAt.lte(forget_until), 1)
            .finally(Expr::col(Column::LoginFailures).add(1));
        // MySQL assigns from left to right: the count has to come before the time it looks at.
        let update = Entity::update_many()
            .col_expr(Column::LoginFailures, count.into())
            .col_expr(Column::LoginFailedAt, Expr::value(now))
            .filter(Column::Id.eq(id.0));
        self.0
            .shard(id.bucket())
            .write(move |tx| {
                let update = update.clone();
                Box::pin(async move {
                    update.exec(tx).await?;
                    Ok(())
                })
            })
            .await
    }

    /// Forgets the wrong passwords before a right one.
    pub(crate) async fn login_succeeded(&self, id: Id) -> Result<(), StoreError> {
        self.0
            .shard(id.bucket())
            .write(move |tx| {
                Box::pin(async move {
                    Entity::update_many()
                        .col_expr(Column::LoginFailures, Expr::value(0))
                        .filter(Column::Id.eq(id.0))
                        .exec(tx)
                        .await?;
                    Ok(())
                })
            })
            .await
    }
}

fn by_name(key: &str) -> sea_orm::Select<Entity> {
    Entity::find().filter(Column::UsernameKey.eq(key.as_bytes())).filter(Column::DeletedAt.eq(0))
}

/// The row of a new account, to be inserted.
pub(super) fn row(account: NewAccount) -> ActiveModel {
    ActiveModel {
        id: Set(account.id.0),
        username: Set(account.username),
        username_key: Set(account.username_key.into_bytes()),
        password: Set(account.password),
        avatar_id: Set(0),
        avatar: Set(String::new()),
        video_count: Set(0),
        like_count: Set(0),
        following_count: Set(0),
        follower_count: Set(0),
        login_failures: Set(0),
        login_failed_at: Set(0),
        created_at: Set(account.created_at),
        updated_at: Set(account.created_at),
        deleted_at: Set(0),
    }
}

async fn insert(tx: &Tx, account: NewAccount) -> Result<Registered, StoreError> {
    let key = account.username_key.clone().into_bytes();
    let row = row(account);
    if inserted(Entity::insert(row).exec_without_returning(tx).await)? {
        return Ok(Registered::Stored);
    }
    // Either of the two unique keys may have refused it.
    let same_name = Entity::find().filter(Column::UsernameKey.eq(key)).count(tx).await?;
    Ok(if same_name > 0 { Registered::NameTaken } else { Registered::IdTaken })
}

/// Moves the counts of an account; an unknown one is left alone.
pub(super) async fn move_counts(tx: &Tx, id: Id, by: Counts) -> Result<(), StoreError> {
    let parts = [
        (Column::VideoCount, by.videos),
        (Column::LikeCount, by.likes),
        (Column::FollowingCount, by.following),
        (Column::FollowerCount, by.followers),
    ];
    let mut update = Entity::update_many().filter(Column::Id.eq(id.0));
    for (column, delta) in parts.into_iter().filter(|(_, delta)| *delta != 0) {
        update = update.col_expr(column, Expr::col(column).add(delta));
    }
    if by != Counts::default() {
        update.exec(tx).await?;
    }
    Ok(())
}

/// Gives an account another avatar, and answers the one before: the picture's id (0: none) and media
/// key. None for an unknown account.
pub(super) async fn set_avatar(
    tx: &Tx,
    id: Id,
    picture: Id,
    key: &str,
    now: i64,
) -> Result<Option<(i64, String)>, StoreError> {
    let query = Entity::find_by_id(id.0).filter(Column::DeletedAt.eq(0)).select_only();
    let columns = query.columns([Column::AvatarId, Column::Avatar]).lock_exclusive();
    let Some(previous) = columns.into_tuple::<(i64, String)>().one(tx).await? else {
        return Ok(None);
    };
    Entity::update_many()
        .col_expr(Column::AvatarId, Expr::value(picture.0))
        .col_expr(Column::Avatar, Expr::value(key))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id.0))
        .exec(tx)
        .await?;
    Ok(Some(previous))
}
