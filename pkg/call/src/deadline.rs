//! How much time the work at hand still has.

use std::time::Duration;

use tokio::time::Instant;

tokio::task_local! {
    static DEADLINE: Instant;
}

/// The time that is left for the request that this task serves; none if it has no end.
/// Calls that the task makes are bounded by it.
pub fn time_left() -> Option<Duration> {
    DEADLINE.try_with(|end| end.saturating_duration_since(Instant::now())).ok()
}

/// Runs `work` with at most `limit` for all the calls in it. A limit around it still holds.
/// It bounds the calls only: whoever wants `work` itself to end puts a timeout around it.
pub async fn within<F: Future>(limit: Duration, work: F) -> F::Output {
    let limit = time_left().map_or(limit, |left| left.min(limit));
    DEADLINE.scope(Instant::now() + limit, work).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_inner_limit_never_outlasts_the_outer_one() {
        assert_eq!(time_left(), None);
        let (outer, inner) = (Duration::from_secs(20), Duration::from_secs(500));
        within(outer, within(inner, async { assert!(time_left() <= Some(outer)) })).await;
        within(inner, within(outer, async { assert!(time_left() <= Some(outer)) })).await;
    }
}
