//! The table of conversations.

use fanone_base::Id;
use fanone_store::{StoreError, Tx, inserted};
use sea_orm::{ConnectionTrait, ExprTrait, QuerySelect, Select, Set, entity::prelude::*};

use crate::chat::Ends;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "conversations")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    id: i64,
    low_id: i64,
    high_id: i64,
    last_message_id: i64,
    message_count: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A conversation and how far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Conversation {
    pub(crate) id: Id,
    /// 0 as long as nobody has said anything.
    pub(crate) last_message: Id,
    pub(crate) message_count: i64,
}

impl From<Model> for Conversation {
    fn from(row: Model) -> Self {
        Self { id: Id(row.id), last_message: Id(row.last_message_id), message_count: row.message_count }
    }
}

fn by_ends(ends: Ends) -> Select<Entity> {
    Entity::find().filter(Column::LowId.eq(ends.low.0)).filter(Column::HighId.eq(ends.high.0))
}

/// The conversation between `ends`.
pub(crate) async fn find(
    connection: &impl ConnectionTrait,
    ends: Ends,
) -> Result<Option<Conversation>, StoreError> {
    Ok(by_ends(ends).one(connection).await?.map(Conversation::from))
}

/// The same, and nobody else may change it before this transaction ends. Whatever changes a
/// conversation, its members or its group begins here.
pub(crate) async fn lock(tx: &Tx, ends: Ends) -> Result<Option<Conversation>, StoreError> {
    Ok(by_ends(ends).lock_exclusive().one(tx).await?.map(Conversation::from))
}

/// Adds an empty conversation; false if there is one between `ends`, or with this id.
pub(crate) async fn insert(tx: &Tx, id: Id, ends: Ends) -> Result<bool, StoreError> {
    let row = ActiveModel {
        id: Set(id.0),
        low_id: Set(ends.low.0),
        high_id: Set(ends.high.0),
        last_message_id: Set(0),
        message_count: Set(0),
    };
    inserted(Entity::insert(row).exec_without_returning(tx).await)
}

/// Counts `message`, the latest.
pub(crate) async fn add_message(tx: &Tx, id: Id, message: Id) -> Result<(), StoreError> {
    let update = Entity::update_many()
        .col_expr(Column::LastMessageId, Expr::value(message.0))
        .col_expr(Column::MessageCount, Expr::col(Column::MessageCount).add(1))
        .filter(Column::Id.eq(id.0));
    update.exec(tx).await?;
    Ok(())
}
