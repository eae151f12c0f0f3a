//! The table of who takes part in which conversation, and how far each has read.

use fanone_base::{Id, Page};
use fanone_store::{Reader, StoreError, Tx};
use sea_orm::{
    ConnectionTrait, ExprTrait, FromQueryResult, JoinType, QueryOrder, QuerySelect, Set, entity::prelude::*,
};

use super::messages;
use crate::chat::{Message, Peer, UnreadConversation};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "members")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    conversation_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    user_id: i64,
    peer_id: i64,
    id: i64,
    last_read_id: i64,
    unread: i64,
    unread_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(
        belongs_to = "messages::Entity",
        from = "(Column::ConversationId, Column::UnreadAt)",
        to = "(messages::Column::ConversationId, messages::Column::Id)"
    )]
    LatestMessage,
}

impl ActiveModelBehavior for ActiveModel {}

/// One who takes part in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) last_read: Id,
    pub(crate) unread: i64,
}

/// The member `user` of a conversation.
pub(crate) async fn find(
    connection: &impl ConnectionTrait,
    conversation: Id,
    user: Id,
) -> Result<Option<Member>, StoreError> {
    let row = Entity::find_by_id((conversation.0, user.0)).one(connection).await?;
    Ok(row.map(|row| Member { last_read: Id(row.last_read_id), unread: row.unread }))
}

/// Adds `user`, whose other end is `peer` and who has read everything up to `last_read`.
pub(crate) async fn insert(
    tx: &Tx,
    conversation: Id,
    user: Id,
    peer: Peer,
    order: Id,
    last_read: Id,
) -> Result<(), StoreError> {
    let peer_id = match peer {
        Peer::User(other) => other.0,
        Peer::Group(_) => 0,
    };
    let row = ActiveModel {
        conversation_id: Set(conversation.0),
        user_id: Set(user.0),
        peer_id: Set(peer_id),
        id: Set(order.0),
        last_read_id: Set(last_read.0),
        unread: Set(0),
        unread_at: Set(0),
    };
    Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Removes `user`.
pub(crate) async fn delete(tx: &Tx, conversation: Id, user: Id) -> Result<(), StoreError> {
    Entity::delete_by_id((conversation.0, user.0)).exec(tx).await?;
    Ok(())
}

/// Everybody but `sender` has one more message to read: `message`, now the latest of the conversation.
pub(crate) async fn add_unread(tx: &Tx, conversation: Id, sender: Id, message: Id) -> Result<(), StoreError> {
    let is_other = || Column::UserId.ne(sender.0);
    // Who writes without having read what the others said still has it to read.
    let has_unread = is_other().or(Column::Unread.gt(0));
    let update = Entity::update_many()
        .col_expr(Column::UnreadAt, Expr::case(has_unread, message.0).finally(0).into())
        .col_expr(
            Column::Unread,
            Expr::case(is_other(), Expr::col(Column::Unread).add(1))
                .finally(Expr::col(Column::Unread))
                .into(),
        )
        .filter(Column::ConversationId.eq(conversation.0));
    update.exec(tx).await?;
    Ok(())
}

/// `user` has read everything up to `last_read`; `unread` messages are left, up to `latest`.
pub(crate) async fn set_read(
    tx: &Tx,
    conversation: Id,
    user: Id,
    last_read: Id,
    unread: i64,
    latest: Id,
) -> Result<(), StoreError> {
    let unread_at = if unread > 0 { latest.0 } else { 0 };
    let update = Entity::update_many()
        .col_expr(Column::LastReadId, Expr::value(last_read.0))
        .col_expr(Column::Unread, Expr::value(unread))
        .col_expr(Column::UnreadAt, Expr::value(unread_at))
        .filter(Column::ConversationId.eq(conversation.0))
        .filter(Column::UserId.eq(user.0));
    update.exec(tx).await?;
    Ok(())
}

/// Everybody but `sender`.
pub(crate) async fn others(
    connection: &impl ConnectionTrait,
    conversation: Id,
    sender: Id,
) -> Result<Vec<Id>, StoreError> {
    let ids: Vec<i64> = Entity::find()
        .select_only()
        .column(Column::UserId)
        .filter(Column::ConversationId.eq(conversation.0))
        .filter(Column::UserId.ne(sender.0))
        .into_tuple()
        .all(connection)
        .await?;
    Ok(ids.into_iter().map(Id).collect())
}

/// A page of the members, joined last first.
pub(crate) async fn list(connection: &Reader, conversation: Id, page: Page) -> Result<Vec<Id>, StoreError> {
    let ids: Vec<i64> = Entity::find()
        .select_only()
        .column(Column::UserId)
        .filter(Column::ConversationId.eq(conversation.0))
        .order_by_desc(Column::Id)
        .offset(page.offset())
        .limit(page.limit())
        .into_tuple()
        .all(connection)
        .await?;
    Ok(ids.into_iter().map(Id).collect())
}

/// Who joined first.
pub(crate) async fn oldest(tx: &Tx, conversation: Id) -> Result<Option<Id>, StoreError> {
    let id: Option<i64> = Entity::find()
        .select_only()
        .column(Column::UserId)
        .filter(Column::ConversationId.eq(conversation.0))
        .order_by_asc(Column::Id)
        .into_tuple()
        .one(tx)
        .await?;
    Ok(id.map(Id))
}

#[derive(FromQueryResult)]
struct UnreadRow {
    conversation_id: i64,
    peer_id: i64,
    unread: i64,
    id: i64,
    from_user_id: i64,
    content: String,
    created_at: i64,
}

impl UnreadRow {
    fn of(self, user: Id) -> UnreadConversation {
        let peer = match self.peer_id {
            0 => Peer::Group(Id(self.conversation_id)),
            other => Peer::User(Id(other)),
        };
        let from = Id(self.from_user_id);
        let last = Message {
            id: Id(self.id),
            from,
            to: peer.receiver(user, from),
            content: self.content,
            created_at: self.created_at,
        };
        UnreadConversation { peer, unread: self.unread, last }
    }
}

/// Where `user` has unread messages, in this shard, latest message first.
pub(crate) async fn unread(
    connection: &Reader,
    user: Id,
    limit: u64,
) -> Result<Vec<UnreadConversation>, StoreError> {
    use messages::Column as Text;
    let rows = Entity::find()
        .select_only()
        .columns([Column::ConversationId, Column::PeerId, Column::Unread])
        .columns([Text::Id, Text::FromUserId, Text::Content, Text::CreatedAt])
        .join(JoinType::InnerJoin, Relation::LatestMessage.def())
        .filter(Column::UserId.eq(user.0))
        .filter(Column::UnreadAt.gt(0))
        .order_by_desc(Column::UnreadAt)
        .limit(limit)
        .into_model::<UnreadRow>()
        .all(connection)
        .await?;
    Ok(rows.into_iter().map(|row| row.of(user)).collect())
}
