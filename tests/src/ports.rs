//! Free ports below the range that the system gives to outgoing connections, so that a site that
//! was killed gets its ports back when it starts again.

use std::{
    collections::HashSet,
    net::TcpListener,
    sync::{LazyLock, Mutex, PoisonError},
};

use rand::RngExt;

static GIVEN: LazyLock<Mutex<HashSet<u16>>> = LazyLock::new(Mutex::default);

/// A port of 127.0.0.1 that nobody listens on and that this process has not given out before.
pub(crate) fn free() -> u16 {
    listen().1
}

/// A listener on such a port. Whoever listens in this process takes it from here: a listener that was closed lives on for a
/// moment in a process that another thread is just starting.
pub(crate) fn listen() -> (TcpListener, u16) {
    loop {
        let port = rand::rng().random_range(18_000..32_000);
        let is_new = GIVEN.lock().unwrap_or_else(PoisonError::into_inner).insert(port);
        if is_new && let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            return (listener, port);
        }
    }
}

/// Two such listeners whose ports are `offset` apart.
pub(crate) fn listen_apart(offset: u16) -> ((TcpListener, u16), (TcpListener, u16)) {
    loop {
        let (first, port) = listen();
        let second = port + offset;
        let is_new = GIVEN.lock().unwrap_or_else(PoisonError::into_inner).insert(second);
        if is_new && let Ok(listener) = TcpListener::bind(("127.0.0.1", second)) {
            return ((first, port), (listener, second));
        }
    }
}
