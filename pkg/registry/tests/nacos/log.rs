//! What is logged, at every level and by every library.

use std::{
    io,
    sync::{Mutex, Once, PoisonError},
    time::{Duration, Instant},
};

static TEXT: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Writer;

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        TEXT.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Records the log of this process from now on.
pub(crate) fn record() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(|| Writer)
            .init();
    });
}

pub(crate) fn text() -> String {
    String::from_utf8_lossy(&TEXT.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

/// Waits until `line` is a part of the log.
pub(crate) async fn until(line: &str) {
    const PATIENCE: Duration = Duration::from_secs(20);
    let begun = Instant::now();
    while !text().contains(line) {
        assert!(begun.elapsed() < PATIENCE, "{line:?} is not logged within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
