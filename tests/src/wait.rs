//! Waiting for what happens a little later, such as a counter that travels.

use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(50);

/// Asks until `check` answers `Ok`; after 20 s the last `Err` ends the test.
pub async fn eventually<T>(what: &str, check: impl AsyncFnMut() -> Result<T, String>) -> T {
    eventually_within(DEADLINE, what, check).await
}

/// As [`eventually`], with a deadline of the caller's: whoever asks after it gets `Ok`. What was asked before may be answered late.
pub async fn eventually_within<T>(
    deadline: Duration,
    what: &str,
    mut check: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    let begun = Instant::now();
    loop {
        let asked = begun.elapsed();
        match check().await {
            Ok(found) => return found,
            Err(seen) => assert!(asked < deadline, "{what}: not within {deadline:?}: {seen}"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}
