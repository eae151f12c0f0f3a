//! Carries out the transactions of a shard on a server.
//!
//! A few lanes take what waits. What has gathered while all of them were busy is run in one transaction and shares its
//! commit; if anything goes wrong there, each is run in a transaction of its own. So a commit costs little when there is
//! much to do, and nobody's failure is anybody else's.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use fanone_telemetry::names;
use futures::future::join_all;
use metrics::Counter;
use sea_orm::DbErr;
use tokio::sync::{Mutex, mpsc};

use super::{MysqlTx, Nodes, Trouble, nodes::Borrowed};
use crate::{
    StoreError, Tx,
    versions::ShardVersion,
    work::{Queue, Repeat, Work},
};

/// Groups that are under way at a time.
const LANES: usize = 4;
/// Transactions in one commit.
const GROUP_MAX: usize = 32;
/// How often a transaction is run before it is given up.
const ATTEMPTS: u32 = 6;
/// Before the second attempt, about; it triples each time.
const PAUSE: Duration = Duration::from_millis(10);

type Works = Vec<Box<dyn Work>>;

/// Starts the lanes; they end when the last handle of the queue is gone.
pub(crate) fn start(nodes: &Nodes, version: &ShardVersion) -> Queue {
    let (queue, waiting) = Queue::new();
    let waiting = Arc::new(Mutex::new(waiting));
    let repeats = metrics::counter!(names::DB_TRANSACTION_REPEATS, "db_namespace" => nodes.namespace());
    for _ in 0..LANES {
        let lane = Lane { nodes: nodes.clone(), version: version.clone(), repeats: repeats.clone() };
        tokio::spawn(lane.run(Arc::clone(&waiting)));
    }
    queue
}

struct Lane {
    nodes: Nodes,
    version: ShardVersion,
    /// Transactions that were run again.
    repeats: Counter,
}

/// How an attempt ended.
enum Ended {
    /// It is stored.
    Stored,
    /// It did not want to be stored, or took too long: nothing is.
    Undone,
    /// Nothing is stored; another attempt may do better.
    Again(DbErr),
    /// The connection broke at the commit: it may be stored or not.
    Unknown(DbErr),
}

impl Lane {
    async fn run(self, waiting: Arc<Mutex<mpsc::Receiver<Box<dyn Work>>>>) {
        loop {
            let mut group = Works::new();
            if waiting.lock().await.recv_many(&mut group, GROUP_MAX).await == 0 {
                return;
            }
            self.serve(group).await;
        }
    }

    async fn serve(&self, mut group: Works) {
        if group.len() > 1 {
            match self.attempt(&mut group).await {
                Ended::Stored => {
                    self.version.renew().await;
                    return group.into_iter().for_each(|work| work.finish(Ok(())));
                }
                Ended::Unknown(error) => {
                    self.repeats.increment(1);
                    let (repeated, lost): (Works, Works) =
                        group.into_iter().partition(|work| work.repeat() == Repeat::Harmless);
                    lost.into_iter().for_each(|work| work.finish(Err(StoreError::unknown(&error))));
                    group = repeated;
                }
                Ended::Again(_) => self.repeats.increment(1),
                Ended::Undone => {}
            }
        }
        join_all(group.into_iter().map(|work| self.serve_alone(work))).await;
    }

    async fn serve_alone(&self, work: Box<dyn Work>) {
        let limit = self.nodes.limits().transaction_timeout();
        let (started, mut pause) = (Instant::now(), PAUSE);
        let mut works = vec![work];
        let mut attempt = 1;
        let ended = loop {
            let error = match self.attempt(&mut works).await {
                Ended::Stored => {
                    self.version.renew().await;
                    break Ok(());
                }
                Ended::Undone => break Ok(()),
                Ended::Unknown(error) if works.iter().any(|work| work.repeat() == Repeat::Never) => {
                    break Err(StoreError::unknown(&error));
                }
                Ended::Again(error) | Ended::Unknown(error) => error,
            };
            if attempt == ATTEMPTS || started.elapsed() + pause > limit {
                break Err(StoreError::from(error));
            }
            tokio::time::sleep(pause.mul_f32(0.5 + rand::random::<f32>())).await;
            pause *= 3;
            attempt += 1;
            self.repeats.increment(1);
        };
        works.into_iter().for_each(|work| work.finish(ended.clone()));
    }

    /// Runs all of `works` in one transaction.
    async fn attempt(&self, works: &mut Works) -> Ended {
        works.iter_mut().for_each(|work| work.reset());
        let borrowed = match self.nodes.acquire().await {
            Ok(borrowed) => borrowed,
            Err(error) => return Ended::Again(error),
        };
        let tx = match MysqlTx::begin(borrowed).await {
            Ok(tx) => Tx::mysql(tx),
            Err((borrowed, error)) => return self.again(borrowed, error),
        };
        let limit = self.nodes.limits().transaction_timeout();
        let run = tokio::time::timeout(limit, run_all(works, &tx)).await;
        let Some((mut borrowed, trouble)) = tx.into_mysql().map(MysqlTx::into_parts) else {
            return Ended::Undone;
        };
        match (run, trouble) {
            // Dropped in the middle of a statement, the connection is closed, and the server takes all back.
            (Err(_elapsed), _) => {
                borrowed.connection.give_up();
                Ended::Undone
            }
            (Ok(_), Some((Trouble::Conflict, error))) => {
                roll_back(borrowed).await;
                Ended::Again(error)
            }
            (Ok(_), Some((_, error))) => self.again(borrowed, error),
            (Ok(false), None) => {
                roll_back(borrowed).await;
                Ended::Undone
            }
            (Ok(true), None) => self.commit(borrowed, limit).await,
        }
    }

    async fn commit(&self, mut borrowed: Borrowed, limit: Duration) -> Ended {
        let committed = match tokio::time::timeout(limit, borrowed.connection.command("COMMIT")).await {
            Ok(committed) => committed,
            Err(_elapsed) => Err(super::trouble::no_answer(limit)),
        };
        let Err(error) = committed else { return Ended::Stored };
        if Trouble::of(&error) == Some(Trouble::Conflict) {
            // The cluster has refused it, which is an answer.
            roll_back(borrowed).await;
            return Ended::Again(error);
        }
        borrowed.connection.give_up();
        self.nodes.leave_behind(&borrowed, &error);
        Ended::Unknown(error)
    }

    /// Nothing was stored, because the connection or its node is of no use.
    fn again(&self, mut borrowed: Borrowed, error: DbErr) -> Ended {
        borrowed.connection.give_up();
        self.nodes.leave_behind(&borrowed, &error);
        Ended::Again(error)
    }
}

/// Runs one after the other; false as soon as one does not want to be stored.
async fn run_all(works: &mut Works, tx: &Tx) -> bool {
    for work in works {
        if !work.run(tx).await || tx.is_doomed().await {
            return false;
        }
    }
    true
}

async fn roll_back(mut borrowed: Borrowed) {
    if borrowed.connection.command("ROLLBACK").await.is_err() {
        borrowed.connection.give_up();
    }
}
