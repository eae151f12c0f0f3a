//! Jobs on a store that run in one process at a time, whichever that is: scheduled ones on each shard, and one that runs once.

use std::{error::Error, time::Duration};

use fanone_base::Bucket;
use fanone_telemetry::{jobs, names};
use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use crate::{
    Shard, Store, StoreError,
    lease::{Lease, TTL},
};

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum JobError<E: Error + 'static> {
    /// It could not be found out whose turn it is.
    #[error("the lease of the job")]
    Lease(#[source] StoreError),
    /// The job itself.
    #[error(transparent)]
    Job(E),
}

/// Runs `job` on each shard of `store` every `interval`, until `shutdown`. Where other processes use the same rows, the one
/// that has the lease runs it; after its end another one does within ten seconds. A job must bear being run twice at once,
/// and being broken off.
pub async fn every<E, Job, Run>(
    store: &Store,
    name: &'static str,
    interval: impl Fn() -> Duration,
    shutdown: CancellationToken,
    job: Job,
) where
    E: Error + 'static,
    Job: Fn(Shard) -> Run,
    Run: Future<Output = Result<(), E>>,
{
    let of_shard = |shard: &Shard| {
        let (shard, shutdown, interval, job) = (shard.for_job(), shutdown.clone(), &interval, &job);
        async move {
            if !shard.is_shared() {
                return jobs::every(name, interval, shutdown, || job(shard.clone())).await;
            }
            let lease = Lease::new(shard.clone(), name);
            jobs::every(name, interval, shutdown, || run_if_ours(&lease, &shard, name, job(shard.clone())))
                .await;
            lease.release().await;
        }
    };
    join_all(store.shards().iter().map(of_shard)).await;
}

/// Runs `run` once; `None` if another process is at work on the same in `store`. One that was killed seems to be for six
/// seconds more.
pub async fn alone<T, E: From<StoreError>>(
    store: &Store,
    name: &'static str,
    run: impl Future<Output = Result<T, E>>,
) -> Result<Option<T>, E> {
    let lease = Lease::new(store.shard(Bucket::new(0)).clone(), name);
    if !lease.take().await? {
        return Ok(None);
    }
    let result = while_ours(&lease, run).await?;
    lease.release().await;
    result.map(Some)
}

/// Runs `run` if we have the lease, and only as long as we do.
async fn run_if_ours<E: Error + 'static>(
    lease: &Lease,
    shard: &Shard,
    name: &'static str,
    run: impl Future<Output = Result<(), E>>,
) -> Result<(), JobError<E>> {
    let ours = lease.take().await.map_err(JobError::Lease);
    let held = if matches!(ours, Ok(true)) { 1.0 } else { 0.0 };
    metrics::gauge!(names::JOB_LEASES, "job_name" => name, "source" => shard.namespace(), "shard" => shard.place().to_string())
        .set(held);
    if !ours? {
        shard.backlog().leave_to_others(shard);
        return Ok(());
    }
    while_ours(lease, run).await.map_err(JobError::Lease)?.map_err(JobError::Job)
}

/// Runs `run` for as long as the lease can be renewed.
async fn while_ours<T>(lease: &Lease, run: impl Future<Output = T>) -> Result<T, StoreError> {
    tokio::select! {
        result = run => Ok(result),
        error = keep(lease) => Err(error),
    }
}

/// Renews the lease for as long as that succeeds.
async fn keep(lease: &Lease) -> StoreError {
    loop {
        tokio::time::sleep(TTL / 4).await;
        match lease.take().await {
            Ok(true) => {}
            Ok(false) => return StoreError::GivenUp("the lease went to another process"),
            Err(error) if lease.left().is_zero() => return error,
            Err(_still_ours) => {}
        }
    }
}
