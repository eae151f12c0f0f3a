//! Threads for what computes.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::ModelError;

/// How many pictures are described at a time: the work is pure computing, and requests need the cores too.
const AT_A_TIME: usize = 2;

/// A bound on concurrent work.
#[derive(Clone)]
pub(super) struct Workers(Arc<Semaphore>);

impl Default for Workers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_A_TIME)))
    }
}

impl Workers {
    /// Runs the work where it holds up no request.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ModelError> + Send + 'static,
    ) -> Result<T, ModelError> {
        let permit = Arc::clone(&self.0).acquire_owned().await?;
        let work = move || {
            let result = work();
            drop(permit); // only here: work that has begun goes on when nobody waits for it any more
            result
        };
        tokio::task::spawn_blocking(work).await?
    }
}
