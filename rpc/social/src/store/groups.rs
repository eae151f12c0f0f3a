//! The table of groups. Who is in them: `members.rs`.

use fanone_base::Id;
use fanone_store::{Reader, StoreError, Tx};
use sea_orm::{ConnectionTrait, JoinType, QueryOrder, QuerySelect, Select, Set, entity::prelude::*};

use super::members;
use crate::group::Group;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "chat_groups")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    id: i64,
    name: String,
    owner_id: i64,
    member_count: i64,
    created_at: i64,
    deleted_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {
    #[sea_orm(belongs_to = "members::Entity", from = "Column::Id", to = "members::Column::ConversationId")]
    Member,
}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for Group {
    fn from(row: Model) -> Self {
        Self {
            id: Id(row.id),
            name: row.name,
            owner: Id(row.owner_id),
            member_count: row.member_count,
            created_at: row.created_at,
        }
    }
}

/// The live group `id`.
pub(crate) async fn find(connection: &impl ConnectionTrait, id: Id) -> Result<Option<Group>, StoreError> {
    let row = Entity::find_by_id(id.0).filter(Column::DeletedAt.eq(0)).one(connection).await?;
    Ok(row.map(Group::from))
}

/// Adds a group. Its id must be new.
pub(crate) async fn insert(tx: &Tx, group: &Group) -> Result<(), StoreError> {
    let row = ActiveModel {
        id: Set(group.id.0),
        name: Set(group.name.clone()),
        owner_id: Set(group.owner.0),
        member_count: Set(group.member_count),
        created_at: Set(group.created_at),
        deleted_at: Set(0),
    };
    Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Stores the owner and the number of members of `group`.
pub(crate) async fn update(tx: &Tx, group: &Group) -> Result<(), StoreError> {
    let update = Entity::update_many()
        .col_expr(Column::OwnerId, Expr::value(group.owner.0))
        .col_expr(Column::MemberCount, Expr::value(group.member_count))
        .filter(Column::Id.eq(group.id.0));
    update.exec(tx).await?;
    Ok(())
}

/// The group is gone at `now`.
pub(crate) async fn delete(tx: &Tx, id: Id, now: i64) -> Result<(), StoreError> {
    let update = Entity::update_many()
        .col_expr(Column::MemberCount, Expr::value(0_i64))
        .col_expr(Column::DeletedAt, Expr::value(now))
        .filter(Column::Id.eq(id.0));
    update.exec(tx).await?;
    Ok(())
}

fn memberships(user: Id) -> Select<members::Entity> {
    members::Entity::find().filter(members::Column::UserId.eq(user.0)).filter(members::Column::PeerId.eq(0))
}

/// How many groups of this shard `user` is in.
pub(crate) async fn count_of_user(connection: &Reader, user: Id) -> Result<u64, StoreError> {
    Ok(memberships(user).count(connection).await?)
}

/// The groups of this shard that `user` joined last: what orders them, and the group.
pub(crate) async fn of_user(
    connection: &Reader,
    user: Id,
    limit: u64,
) -> Result<Vec<(Id, Group)>, StoreError> {
    let rows: Vec<(i64, i64, String, i64, i64, i64)> = memberships(user)
        .select_only()
        .column(members::Column::Id)
        .columns([Column::Id, Column::Name, Column::OwnerId, Column::MemberCount, Column::CreatedAt])
        .join_rev(JoinType::InnerJoin, Relation::Member.def())
        .order_by_desc(members::Column::Id)
        .limit(limit)
        .into_tuple()
        .all(connection)
        .await?;
    let to_group = |(joined, id, name, owner, member_count, created_at)| {
        (Id(joined), Group { id: Id(id), name, owner: Id(owner), member_count, created_at })
    };
    Ok(rows.into_iter().map(to_group).collect())
}
