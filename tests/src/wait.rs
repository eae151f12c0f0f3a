//! Waiting for what happens a little later, such as a counter that travels.

use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(50);

/// Asks until `check` answers `Ok`; after 20 s the last `Err` ends the test.
pub async fn eventually<T>(what: &str, check: impl AsyncFnMut() -> Result<T, String>) -> T {
    eventually_within(DEADLINE, what, check).await
}

/// As [`eventually`], with a deadline of the caller's.
pub async fn eventually_within<T>(
    deadline: Duration,
    what: &str,
    mut check: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    let begun = Instant::now();
    loop {
        match check().await {
            Ok(found) => return found,
            Err(seen) => assert!(begun.elapsed() < deadline, "{what}: not within {deadline:?}: {seen}"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}
