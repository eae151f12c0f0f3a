//! Whether each part of the program can do its work, by name.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use serde::Serialize;

/// The longest a part may take to tell how it is.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

#[derive(Clone)]
struct Part {
    check: Check,
    is_optional: bool,
}

/// The parts that must work for the program to be ready, and those without which it does less. Cheap to clone; clones share their parts.
#[derive(Clone, Default)]
pub struct Readiness {
    checks: Arc<RwLock<BTreeMap<String, Part>>>,
}

/// How the parts are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether every part works that is not optional.
    pub ready: bool,
    /// Each part by its name.
    pub parts: BTreeMap<String, PartReport>,
}

/// How one part is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartReport {
    /// Whether it works.
    pub ready: bool,
    /// Whether the program is ready without it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// Why not; absent when it works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

impl Readiness {
    /// Adds a part, for example `user.database`, or replaces the part of this name. The check is asked at each
    /// request, side by side with the others, and counts as failed after one second.
    pub fn add<C, F, E>(&self, name: impl Into<String>, check: C)
    where
        C: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        self.insert(name.into(), check, false);
    }

    /// The same for a part without which the program is ready, though it does less.
    pub fn add_optional<C, F, E>(&self, name: impl Into<String>, check: C)
    where
        C: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        self.insert(name.into(), check, true);
    }

    fn insert<C, F, E>(&self, name: String, check: C, is_optional: bool)
    where
        C: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        let check: Check =
            Arc::new(move || check().map(|outcome| outcome.map_err(|e| e.to_string())).boxed());
        let part = Part { check, is_optional };
        self.checks.write().unwrap_or_else(PoisonError::into_inner).insert(name, part);
    }

    /// Asks every part.
    pub async fn report(&self) -> Report {
        let checks = self.checks.read().unwrap_or_else(PoisonError::into_inner).clone();
        let parts =
            join_all(checks.into_iter().map(|(name, part)| async move { (name, ask(&part).await) })).await;
        let parts: BTreeMap<String, PartReport> = parts.into_iter().collect();
        Report { ready: parts.values().all(|part| part.ready || part.optional), parts }
    }
}

async fn ask(part: &Part) -> PartReport {
    let fault = match tokio::time::timeout(CHECK_TIMEOUT, (part.check)()).await {
        Ok(outcome) => outcome.err(),
        Err(_elapsed) => Some(format!("no answer within {} s", CHECK_TIMEOUT.as_secs())),
    };
    PartReport { ready: fault.is_none(), optional: part.is_optional, fault }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_part_that_fails_or_hangs_is_named() {
        let readiness = Readiness::default();
        readiness.add("good", || async { Ok::<(), String>(()) });
        assert!(readiness.report().await.ready);
        readiness.add("bad", || async { Err("disk is full") });
        readiness.add("slow", std::future::pending::<Result<(), String>>);
        let report = readiness.report().await;
        assert!(!report.ready);
        assert!(report.parts["good"].ready);
        assert_eq!(report.parts["bad"].fault.as_deref(), Some("disk is full"));
        assert_eq!(report.parts["slow"].fault.as_deref(), Some("no answer within 1 s"));
    }

    #[tokio::test]
    async fn the_program_is_ready_without_an_optional_part() {
        let readiness = Readiness::default();
        readiness.add_optional("search", || async { Err("away") });
        let report = readiness.report().await;
        assert!(report.ready && !report.parts["search"].ready);
        assert_eq!(report.parts["search"].fault.as_deref(), Some("away"));
    }
}
