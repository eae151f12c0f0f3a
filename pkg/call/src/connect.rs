//! Connections that are made in the time that the rules allow, which may be another one for each call.

use std::{io, time::Duration};

use volo::net::{
    Address,
    dial::{DefaultMakeTransport, MakeTransport},
};

tokio::task_local! {
    static LIMIT: Duration;
}

/// Runs `work`; a connection that it needs must be there in this time.
pub(crate) async fn within<F: Future>(limit: Duration, work: F) -> F::Output {
    LIMIT.scope(limit, work).await
}

/// What makes connections.
#[derive(Clone, Default)]
pub(crate) struct Dial(DefaultMakeTransport);

impl MakeTransport for Dial {
    type ReadHalf = <DefaultMakeTransport as MakeTransport>::ReadHalf;
    type WriteHalf = <DefaultMakeTransport as MakeTransport>::WriteHalf;

    async fn make_transport(&self, address: Address) -> io::Result<(Self::ReadHalf, Self::WriteHalf)> {
        let mut dial = self.0.clone();
        if let Ok(limit) = LIMIT.try_with(|limit| *limit) {
            dial.set_connect_timeout(Some(limit));
        }
        dial.make_transport(address).await
    }

    fn set_connect_timeout(&mut self, timeout: Option<Duration>) {
        self.0.set_connect_timeout(timeout);
    }

    fn set_read_timeout(&mut self, timeout: Option<Duration>) {
        self.0.set_read_timeout(timeout);
    }

    fn set_write_timeout(&mut self, timeout: Option<Duration>) {
        self.0.set_write_timeout(timeout);
    }
}
