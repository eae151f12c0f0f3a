//! The table of messages.

use fanone_base::{Id, Page};
use fanone_store::{Reader, StoreError, Tx};
use sea_orm::{ConnectionTrait, QueryOrder, QuerySelect, Select, Set, entity::prelude::*};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "messages")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) conversation_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: i64,
    pub(crate) from_user_id: i64,
    pub(crate) seq: Option<Vec<u8>>,
    pub(crate) content: String,
    pub(crate) created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Adds a message.
pub(crate) async fn insert(tx: &Tx, row: Model) -> Result<(), StoreError> {
    let row = ActiveModel {
        conversation_id: Set(row.conversation_id),
        id: Set(row.id),
        from_user_id: Set(row.from_user_id),
        seq: Set(row.seq),
        content: Set(row.content),
        created_at: Set(row.created_at),
    };
    Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

fn of(conversation: Id) -> Select<Entity> {
    Entity::find().filter(Column::ConversationId.eq(conversation.0))
}

/// What `from` has sent as `seq`.
pub(crate) async fn find_sent(
    tx: &Tx,
    conversation: Id,
    from: Id,
    seq: &[u8],
) -> Result<Option<Model>, StoreError> {
    let sent = of(conversation).filter(Column::FromUserId.eq(from.0)).filter(Column::Seq.eq(seq.to_vec()));
    Ok(sent.one(tx).await?)
}

/// Whether the conversation has this message.
pub(crate) async fn exists(
    connection: &impl ConnectionTrait,
    conversation: Id,
    id: Id,
) -> Result<bool, StoreError> {
    Ok(Entity::find_by_id((conversation.0, id.0)).one(connection).await?.is_some())
}

/// A page of the conversation, newest first.
pub(crate) async fn list(
    connection: &Reader,
    conversation: Id,
    page: Page,
) -> Result<Vec<Model>, StoreError> {
    let rows = of(conversation).order_by_desc(Column::Id).offset(page.offset()).limit(page.limit());
    Ok(rows.all(connection).await?)
}

/// What others than `reader` have said after message `last_read`.
fn unread_by(reader: Id, conversation: Id, last_read: Id) -> Select<Entity> {
    of(conversation).filter(Column::Id.gt(last_read.0)).filter(Column::FromUserId.ne(reader.0))
}

/// The newest of the messages that `reader` has not read, newest first.
pub(crate) async fn unread(
    tx: &Tx,
    conversation: Id,
    reader: Id,
    last_read: Id,
    limit: u64,
) -> Result<Vec<Model>, StoreError> {
    let rows = unread_by(reader, conversation, last_read).order_by_desc(Column::Id).limit(limit);
    Ok(rows.all(tx).await?)
}

/// How many messages up to and with `message` `reader` has not read.
pub(crate) async fn count_unread(
    tx: &Tx,
    conversation: Id,
    reader: Id,
    last_read: Id,
    message: Id,
) -> Result<u64, StoreError> {
    let unread = unread_by(reader, conversation, last_read).filter(Column::Id.lte(message.0));
    Ok(unread.count(tx).await?)
}
