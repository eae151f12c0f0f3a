//! What one server takes.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use crate::{
    document::{Limit, Refused, read},
    governance::{Applied, replaced},
    limiter::Limiter,
};

/// The limits of one service in this process, and its connections.
#[derive(Debug)]
pub struct Server {
    pub(crate) name: String,
    limiter: Limiter,
    /// 0: no limit.
    connections_max: AtomicUsize,
    connections: AtomicUsize,
    pub(crate) document: Mutex<Option<Limit>>,
}

impl Server {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            limiter: Limiter::default(),
            connections_max: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            document: Mutex::default(),
        }
    }

    /// Whether one more call may be served.
    #[must_use]
    pub fn admits_call(&self) -> bool {
        self.limiter.admits()
    }

    /// Whether one more connection may be taken, beside so many.
    #[must_use]
    pub fn admits_connection(&self, open: usize) -> bool {
        let most = self.connections_max.load(Ordering::Relaxed);
        most == 0 || open < most
    }

    /// Says how many connections there are.
    pub fn set_connections(&self, open: usize) {
        self.connections.store(open, Ordering::Relaxed);
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    pub(crate) fn apply(&self, text: &str) -> Result<Applied, Refused> {
        let mut document = self.document.lock().unwrap_or_else(PoisonError::into_inner);
        let applied = replaced(&mut *document, read(text)?);
        let Limit { connection_limit, qps_limit } = document.clone().unwrap_or_default();
        self.limiter.set(qps_limit);
        self.connections_max.store(connection_limit as usize, Ordering::Relaxed);
        Ok(applied)
    }
}
