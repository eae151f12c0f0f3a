//! The table of sessions.

use fanone_base::Id;
use fanone_store::{Shard, Store, StoreError, Tx, inserted};
use sea_orm::{
    ActiveValue::Set,
    QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait},
};

/// Rows deleted in one transaction: few enough that nobody waits for it.
const PURGE_ROWS: u64 = 500;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: i64,
    pub(crate) user_id: i64,
    /// How often its tokens have been rotated.
    pub(crate) generation: i64,
    pub(crate) expires_at: i64,
    /// 0: it stands.
    pub(crate) revoked_at: i64,
    pub(crate) created_at: i64,
}

pub(crate) use Model as SessionRow;

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What became of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rotation {
    /// The session is one generation further.
    Rotated,
    /// An older generation was used again; the session has been revoked for it.
    Reused,
    /// There is no such session, or it has been revoked before.
    Gone,
}

/// Sessions, each in its user's bucket.
#[derive(Clone)]
pub(crate) struct SessionStore(pub(crate) Store);

impl SessionStore {
    /// Stores a new session. False if the id is in use.
    pub(crate) async fn insert(&self, session: SessionRow) -> Result<bool, StoreError> {
        let shard = self.0.shard(Id(session.id).bucket());
        shard.write(move |tx| Box::pin(insert(tx, session.clone()))).await
    }

    /// The session with this id.
    pub(crate) async fn find(&self, id: Id) -> Result<Option<SessionRow>, StoreError> {
        Ok(Entity::find_by_id(id.0).one(self.0.shard(id.bucket()).read()).await?)
    }

    /// Leads a session from `generation` to the next: of several callers, one succeeds.
    pub(crate) async fn rotate(
        &self,
        id: Id,
        generation: i64,
        expires_at: i64,
        now: i64,
    ) -> Result<Rotation, StoreError> {
        let shard = self.0.shard(id.bucket());
        shard.write(move |tx| Box::pin(rotate(tx, id, generation, expires_at, now))).await
    }

    /// Revokes a session. False if there was none to revoke.
    pub(crate) async fn revoke(&self, id: Id, now: i64) -> Result<bool, StoreError> {
        self.0.shard(id.bucket()).write(move |tx| Box::pin(revoke(tx, id, now))).await
    }
}

/// Deletes the sessions of a shard that expired before `now`, and answers how many.
pub(crate) async fn purge(shard: &Shard, now: i64) -> Result<u64, StoreError> {
    let mut purged = 0;
    loop {
        let deleted = purge_some(shard, now).await?;
        purged += deleted;
        if deleted < PURGE_ROWS {
            return Ok(purged);
        }
    }
}

async fn insert(tx: &Tx, session: SessionRow) -> Result<bool, StoreError> {
    let row = ActiveModel {
        id: Set(session.id),
        user_id: Set(session.user_id),
        generation: Set(session.generation),
        expires_at: Set(session.expires_at),
        revoked_at: Set(session.revoked_at),
        created_at: Set(session.created_at),
    };
    inserted(Entity::insert(row).exec_without_returning(tx).await)
}

async fn rotate(tx: &Tx, id: Id, generation: i64, expires_at: i64, now: i64) -> Result<Rotation, StoreError> {
    let rotated = Entity::update_many()
        .col_expr(Column::Generation, Expr::col(Column::Generation).add(1))
        .col_expr(Column::ExpiresAt, Expr::value(expires_at))
        .filter(Column::Id.eq(id.0))
        .filter(Column::Generation.eq(generation))
        .filter(Column::RevokedAt.eq(0))
        .exec(tx)
        .await?;
    if rotated.rows_affected > 0 {
        return Ok(Rotation::Rotated);
    }
    Ok(if revoke(tx, id, now).await? { Rotation::Reused } else { Rotation::Gone })
}

async fn revoke(tx: &Tx, id: Id, now: i64) -> Result<bool, StoreError> {
    let revoked = Entity::update_many()
        .col_expr(Column::RevokedAt, Expr::value(now))
        .filter(Column::Id.eq(id.0))
        .filter(Column::RevokedAt.eq(0))
        .exec(tx)
        .await?;
    Ok(revoked.rows_affected > 0)
}

async fn purge_some(shard: &Shard, now: i64) -> Result<u64, StoreError> {
    let expired: Vec<i64> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::ExpiresAt.lt(now))
        .order_by_asc(Column::ExpiresAt)
        .limit(PURGE_ROWS)
        .into_tuple()
        .all(shard.read())
        .await?;
    if expired.is_empty() {
        return Ok(0);
    }
    let delete = Entity::delete_many().filter(Column::Id.is_in(expired)).filter(Column::ExpiresAt.lt(now));
    shard
        .write_idempotent(move |tx| {
            let delete = delete.clone();
            Box::pin(async move { Ok(delete.exec(tx).await?.rows_affected) })
        })
        .await
}
