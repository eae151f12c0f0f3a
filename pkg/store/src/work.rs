//! A transaction that waits for its turn, whatever database carries it out.

use std::{panic::AssertUnwindSafe, sync::Arc};

use fanone_telemetry::trace::{self, Context, Kind};
use futures::{FutureExt, future::BoxFuture};
use tokio::sync::{mpsc, oneshot};

use crate::{StoreError, Tx};

/// Transactions that may wait for one shard.
pub(crate) const QUEUE_MAX: usize = 4096;

/// Whether a transaction may be run again when it is unknown whether it was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Running it twice is the same as running it once.
    Harmless,
    /// It might be stored twice.
    Never,
}

/// One transaction. It may be run more than once; only the last run counts.
pub(crate) trait Work: Send {
    /// Runs it in `tx`; whether it wants to be stored.
    fn run<'t>(&'t mut self, tx: &'t Tx) -> BoxFuture<'t, bool>;

    /// Forgets the result of an earlier run.
    fn reset(&mut self);

    /// Whether it may be run again after a commit of unknown outcome.
    fn repeat(&self) -> Repeat;

    /// Answers the caller: with the result of the last run if what it did is stored, or was not to be stored.
    fn finish(self: Box<Self>, ended: Result<(), StoreError>);
}

/// The line of a shard. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Queue(mpsc::Sender<Box<dyn Work>>);

impl Queue {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Box<dyn Work>>) {
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        (Self(sender), receiver)
    }

    /// Puts `f` in line and waits until it is stored, or is not.
    pub(crate) async fn run<T, E, F>(&self, repeat: Repeat, f: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'t> Fn(&'t Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
    {
        let (answer, answered) = oneshot::channel();
        // Beside its statements: the time in line, and that of the commit.
        let mut span = trace::child(Kind::Internal);
        span.rename("transaction");
        let work = Waiting { f: Arc::new(f), repeat, result: None, answer, trace: span.context() };
        self.0.try_send(Box::new(work)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => StoreError::GivenUp("the store is closed"),
        })?;
        match answered.await {
            Ok(result) => result,
            Err(_closed) => Err(StoreError::GivenUp("its group was given up").into()),
        }
    }
}

struct Waiting<T, E, F> {
    f: Arc<F>,
    repeat: Repeat,
    result: Option<Result<T, E>>,
    answer: oneshot::Sender<Result<T, E>>,
    trace: Option<Context>,
}

impl<T, E, F> Work for Waiting<T, E, F>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
    F: for<'t> Fn(&'t Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
{
    fn run<'t>(&'t mut self, tx: &'t Tx) -> BoxFuture<'t, bool> {
        Box::pin(async move {
            let run = AssertUnwindSafe((self.f)(tx)).catch_unwind();
            let run = trace::within(self.trace.clone(), run).await;
            let result = run.unwrap_or_else(|_panic| Err(StoreError::GivenUp("it panicked").into()));
            let stored = result.is_ok();
            self.result = Some(result);
            stored
        })
    }

    fn reset(&mut self) {
        self.result = None;
    }

    fn repeat(&self) -> Repeat {
        self.repeat
    }

    fn finish(self: Box<Self>, ended: Result<(), StoreError>) {
        let result = match (ended, self.result) {
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(StoreError::GivenUp("it took too long").into()),
            // A refusal of the transaction's own stands, whatever became of the others.
            (Err(_), Some(Err(own))) => Err(own),
            (Err(error), _) => Err(error.into()),
        };
        // Nobody waits any more: the caller's deadline has passed.
        let _ = self.answer.send(result);
    }
}
