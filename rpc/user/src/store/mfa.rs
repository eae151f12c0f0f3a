//! The table of second factors. A user has a row from the first pending secret on.

use fanone_base::Id;
use fanone_store::{Store, StoreError, Tx};
use sea_orm::{
    ActiveValue::Set,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait},
};

use crate::lockout::Lockout;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mfa")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) user_id: i64,
    /// Sealed; in force while `bound_at` is not 0.
    pub(crate) secret: Vec<u8>,
    pub(crate) bound_at: i64,
    /// Sealed; waits for its first code until `pending_until`.
    pub(crate) pending: Vec<u8>,
    pub(crate) pending_until: i64,
    /// The 30 s step of the last accepted code: only later ones are accepted.
    pub(crate) last_step: i64,
    pub(crate) failures: i64,
    pub(crate) failed_at: i64,
}

pub(crate) use Model as MfaRow;

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What an accepted code does beyond being accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing.
    None,
    /// The pending secret comes into force.
    Bind,
    /// The secret is forgotten.
    Unbind,
}

/// What became of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// It was right, and is used up now.
    Accepted,
    /// It was wrong or used before, and counts as a failure.
    Refused,
    /// Too many failures before; it was not looked at.
    Locked,
    /// The user never had a secret.
    NoRow,
}

/// Second factors, each in its user's bucket.
#[derive(Clone)]
pub(crate) struct MfaStore(pub(crate) Store);

impl MfaStore {
    /// The second factor of a user.
    pub(crate) async fn find(&self, user: Id) -> Result<Option<MfaRow>, StoreError> {
        Ok(Entity::find_by_id(user.0).one(self.0.shard(user.bucket()).read()).await?)
    }

    /// Stores a pending secret in place of the one before. False if a secret is in force.
    pub(crate) async fn begin(&self, user: Id, pending: Vec<u8>, until: i64) -> Result<bool, StoreError> {
        self.0.shard(user.bucket()).write(move |tx| Box::pin(begin(tx, user, pending.clone(), until))).await
    }

    /// Tries a code. `check` answers its step if it is right; an error of `check` undoes everything.
    ///
    /// The attempt is counted before the code is looked at, and the step is taken by comparing and
    /// setting: however many tries come at once, the lock holds and a code is accepted once.
    pub(crate) async fn attempt<E, F>(
        &self,
        user: Id,
        now: i64,
        lockout: Lockout,
        change: Change,
        check: F,
    ) -> Result<Attempt, E>
    where
        E: From<StoreError> + Send + 'static,
        F: Fn(&MfaRow) -> Result<Option<i64>, E> + Clone + Send + Sync + 'static,
    {
        self.0
            .shard(user.bucket())
            .write(move |tx| {
                let check = check.clone();
                Box::pin(async move {
                    if !count(tx, user, now, lockout).await? {
                        let row = find(tx, user).await?;
                        return Ok(row.map_or(Attempt::NoRow, |_| Attempt::Locked));
                    }
                    let Some(row) = find(tx, user).await? else { return Ok(Attempt::NoRow) };
                    match check(&row)? {
                        Some(step) if accept(tx, row, step, now, change).await? => Ok(Attempt::Accepted),
                        _ => Ok(Attempt::Refused),
                    }
                })
            })
            .await
    }
}

async fn find(tx: &Tx, user: Id) -> Result<Option<MfaRow>, StoreError> {
    Ok(Entity::find_by_id(user.0).one(tx).await?)
}

async fn begin(tx: &Tx, user: Id, pending: Vec<u8>, until: i64) -> Result<bool, StoreError> {
    let empty = ActiveModel {
        user_id: Set(user.0),
        secret: Set(Vec::new()),
        bound_at: Set(0),
        pending: Set(Vec::new()),
        pending_until: Set(0),
        last_step: Set(0),
        failures: Set(0),
        failed_at: Set(0),
    };
    Entity::insert(empty).on_conflict_do_nothing().exec_without_returning(tx).await?;
    let begun = Entity::update_many()
        .col_expr(Column::Pending, Expr::value(pending))
        .col_expr(Column::PendingUntil, Expr::value(until))
        // No code of the new secret has been used yet.
        .col_expr(Column::LastStep, Expr::value(0))
        .filter(Column::UserId.eq(user.0))
        .filter(Column::BoundAt.eq(0))
        .exec(tx)
        .await?;
    Ok(begun.rows_affected > 0)
}

/// Counts an attempt as failed until it proves right. False if the user is locked or unknown.
async fn count(tx: &Tx, user: Id, now: i64, lockout: Lockout) -> Result<bool, StoreError> {
    let forget_until = Lockout::forget_until(now);
    let failures =
        Expr::case(Column::FailedAt.lte(forget_until), 1).finally(Expr::col(Column::Failures).add(1));
    // MySQL assigns from left to right: the count has to come before the time it looks at.
    let counted = Entity::update_many()
        .col_expr(Column::Failures, failures.into())
        .col_expr(Column::FailedAt, Expr::value(now))
        .filter(Column::UserId.eq(user.0))
        .filter(Column::Failures.lt(lockout.failures_max()).or(Column::FailedAt.lte(forget_until)))
        .exec(tx)
        .await?;
    Ok(counted.rows_affected > 0)
}

/// Uses up the code of `step`. False if it or a later one was used before.
async fn accept(tx: &Tx, row: MfaRow, step: i64, now: i64, change: Change) -> Result<bool, StoreError> {
    let mut update = Entity::update_many()
        .col_expr(Column::LastStep, Expr::value(step))
        .col_expr(Column::Failures, Expr::value(0))
        .filter(Column::UserId.eq(row.user_id))
        .filter(Column::LastStep.lt(step));
    let secret = match change {
        Change::None => None,
        Change::Bind => Some((row.pending, now)),
        Change::Unbind => Some((Vec::new(), 0)),
    };
    if let Some((secret, bound_at)) = secret {
        update = update
            .col_expr(Column::Secret, Expr::value(secret))
            .col_expr(Column::BoundAt, Expr::value(bound_at))
            .col_expr(Column::Pending, Expr::value(Vec::<u8>::new()))
            .col_expr(Column::PendingUntil, Expr::value(0));
    }
    Ok(update.exec(tx).await?.rows_affected > 0)
}
