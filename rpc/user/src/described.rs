//! Pictures that a model has yet to describe: those whose upload went on without a vector, and all others once the model has
//! changed. The front looks at them again, and tells here what it sees.

use std::{collections::HashMap, sync::Arc};

use fanone_base::{Id, InvalidField};
use futures::future::try_join_all;

use crate::{
    error::UserError,
    feed,
    pictures::{Pictures, check_model, parse_vector},
    store::described,
};

/// Pictures in one question or one answer.
const PICTURES_MAX: usize = 500;

impl Pictures {
    /// Pictures that `model` has not described, with their media keys, from all shards.
    pub(crate) async fn undescribed(&self, model: &str, limit: i32) -> Result<Vec<(i64, String)>, UserError> {
        check_model(model)?;
        let limit = usize::try_from(limit).ok().filter(|limit| (1..=PICTURES_MAX).contains(limit));
        let limit =
            limit.ok_or_else(|| InvalidField::new("limit", format!("must be 1 to {PICTURES_MAX}")))?;
        let mut found = Vec::new();
        for shard in self.store.shards() {
            let wanted = (limit - found.len()) as u64;
            if wanted > 0 {
                found.extend(described::undescribed(shard, model, wanted).await?);
            }
        }
        Ok(found)
    }

    /// Whether a search with vectors of `model` finds everything that any model has described.
    pub(crate) async fn is_complete(&self, model: &str) -> Result<bool, UserError> {
        let asked = self.store.shards().iter().map(|shard| described::is_complete(shard, model));
        let described = try_join_all(asked).await?.into_iter().all(|complete| complete);
        Ok(described && feed::is_delivered(self).await?)
    }

    /// Gives pictures their vectors of `model`; an empty one says that there can be none. Answers how many are described now:
    /// the others are gone, or somebody else was faster.
    pub(crate) async fn describe(&self, model: &str, items: Vec<(Id, Vec<u8>)>) -> Result<usize, UserError> {
        check_model(model)?;
        if items.len() > PICTURES_MAX {
            return Err(InvalidField::new("items", format!("must be at most {PICTURES_MAX}")).into());
        }
        for (_, vector) in &items {
            parse_vector(vector)?;
        }
        let vectors: HashMap<Id, Vec<u8>> = items.into_iter().collect();
        let ids: Vec<Id> = vectors.keys().copied().collect();
        let model: Arc<str> = model.into();
        let mut written = 0;
        for (shard, ids) in self.store.by_shard(&ids) {
            let vectors = ids.into_iter().filter_map(|id| Some((id, vectors.get(&id)?.clone()))).collect();
            let rows =
                described::describe(shard, self.store.feed, Arc::clone(&model), Arc::new(vectors)).await?;
            written += rows.len();
            self.added(rows).await;
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests;
