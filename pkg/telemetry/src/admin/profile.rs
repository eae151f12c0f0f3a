//! Processor profiles of the running program.

use std::sync::Arc;
use std::time::Duration;

use pprof::protos::Message as _;
use pprof::{ProfilerGuard, ProfilerGuardBuilder, Report};
use tokio::sync::Semaphore;

/// Samples in a second; not 100, so as not to beat with work that is done every 10 ms.
const FREQUENCY_HZ: i32 = 99;
/// Libraries that must not be unwound from a signal: they may hold the lock that unwinding needs.
const BLOCKLIST: [&str; 4] = ["libc", "libgcc", "pthread", "vdso"];

/// Shown when no sample was taken, since samples are taken of processor time only.
const IDLE_SVG: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" width="640" height="60"><text x="10" y="35" font-family="sans-serif">The process used no processor time: take the profile under load.</text></svg>
"#;

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProfileError {
    /// Another one is being taken.
    #[error("a profile is being taken; try again when it is done")]
    Busy,
    /// The profiler failed.
    #[error("the profile can't be taken")]
    Profiler(#[from] pprof::Error),
    /// The profile can't be written in its format.
    #[error("the profile can't be encoded")]
    Encode(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The task that resolves symbols ended early.
    #[error("the profile was interrupted")]
    Interrupted(#[from] tokio::task::JoinError),
}

/// The form of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// For `go tool pprof` and its kin.
    Protobuf,
    /// An SVG for a browser.
    Flamegraph,
}

/// Takes one profile at a time.
pub(super) struct Profiler(Arc<Semaphore>);

impl Default for Profiler {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl Profiler {
    /// Watches the process for a while. Dropping the future stops the profiler.
    pub(super) async fn take(&self, duration: Duration, form: Form) -> Result<Vec<u8>, ProfileError> {
        let Ok(permit) = Arc::clone(&self.0).try_acquire_owned() else { return Err(ProfileError::Busy) };
        let guard = ProfilerGuardBuilder::default().frequency(FREQUENCY_HZ).blocklist(&BLOCKLIST).build()?;
        tokio::time::sleep(duration).await;
        // Symbols are looked up in the debug information, which takes long. The permit goes along: the profiler is in
        // use until this is done, even when nobody waits for it any more.
        let encode = move || {
            let body = encode(&guard, form);
            drop((guard, permit));
            body
        };
        tokio::task::spawn_blocking(encode).await?
    }
}

fn encode(guard: &ProfilerGuard<'_>, form: Form) -> Result<Vec<u8>, ProfileError> {
    let report: Report = guard.report().build()?;
    match form {
        Form::Protobuf => {
            report.pprof()?.write_to_bytes().map_err(|error| ProfileError::Encode(Box::new(error)))
        }
        Form::Flamegraph if report.data.is_empty() => Ok(IDLE_SVG.as_bytes().to_vec()),
        Form::Flamegraph => {
            let mut svg = Vec::new();
            report.flamegraph(&mut svg)?;
            Ok(svg)
        }
    }
}
