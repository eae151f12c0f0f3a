//! One attempt of a call: at which instance, how long, and what its breaker is told.

use std::{net::SocketAddr, sync::OnceLock, time::Duration};

use fanone_governance::{Choice, Client, Method, MethodRules, State};
use volo::{FastStr, context::Context, discovery::Discover, net::Address};
use volo_thrift::{
    ClientError,
    context::ClientContext,
    transport::{DialPlan, SelectedTransport},
};

use crate::{
    connect,
    deadline::time_left,
    error::{timed_out, unreachable},
    outbound::{OutboundService, Shared},
    outcome::Outcome,
};
use motore::Service;

/// The call that attempts belong to.
#[derive(Clone, Copy)]
pub(crate) struct Called<'a> {
    pub(crate) name: &'a FastStr,
    pub(crate) method: &'a Method,
    pub(crate) rules: &'a MethodRules,
}

/// What is different from attempt to attempt.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'a> {
    /// The longest it may take.
    pub(crate) limit: Duration,
    /// Where it should not go, if it can go elsewhere.
    pub(crate) avoided: Option<SocketAddr>,
    /// Is told where it goes, once that is known.
    pub(crate) place: &'a OnceLock<SocketAddr>,
}

impl<S> OutboundService<S> {
    /// Makes one attempt.
    pub(crate) async fn attempt<Req>(
        &self,
        cx: &mut ClientContext,
        req: &Req,
        called: Called<'_>,
        terms: Terms<'_>,
    ) -> Result<S::Response, ClientError>
    where
        S: Service<ClientContext, Req, Error = ClientError>,
        Req: Clone,
    {
        let limit = time_left().map_or(terms.limit, |left| left.min(terms.limit));
        // The deadline travels in whole milliseconds.
        if limit < Duration::from_millis(1) {
            return Err(timed_out().into());
        }
        let choice = self.shared.choose(cx, called.method, terms.avoided).await?;
        // Only the first place is of use to whoever asks.
        let _ = terms.place.set(choice.first.address());
        prepare(cx, &choice, limit);
        let call = self.shared.with_credentials(called.name, self.send(cx, req));
        let call = connect::within(called.rules.connect, call);
        let result = match tokio::time::timeout(limit, call).await {
            Ok(result) => result,
            Err(_elapsed) => Err(timed_out().into()),
        };
        let outcome = Outcome::of_called(&result);
        if let Err(error) = &result
            && outcome != Outcome::Refused
        {
            tracing::warn!(rpc.method = %called.name, callee = %self.shared.callee,
                address = %choice.first.address(), outcome = outcome.name(), %error, "rpc.attempt_failed");
        }
        note(&self.shared.governed, cx, &choice, called, outcome.is_failure());
        result
    }

    /// Once more if volo's pool dropped the call: nothing was sent then, so it may be a change.
    async fn send<Req>(&self, cx: &mut ClientContext, req: &Req) -> Result<S::Response, ClientError>
    where
        S: Service<ClientContext, Req, Error = ClientError>,
        Req: Clone,
    {
        let result = self.inner.call(cx, req.clone()).await;
        if !was_dropped(cx, &result) {
            return result;
        }
        tracing::debug!(callee = %self.shared.callee, "rpc.asked_pool_again");
        self.inner.call(cx, req.clone()).await
    }
}

/// Whether volo's pool lost the one who waited for a connection. Its numbers for those who wait begin anew when nobody waits;
/// whoever leaves in the moment after that can strike out another one who has the same number (volo-thrift 0.12.7,
/// `transport/pool`). No connection was selected then, and no system's error says why.
fn was_dropped<T>(cx: &ClientContext, result: &Result<T, ClientError>) -> bool {
    let Err(ClientError::Transport(error)) = result else { return false };
    error.kind() == std::io::ErrorKind::Other && cx.extensions().get::<SelectedTransport>().is_none()
}

impl Shared {
    async fn choose(
        &self,
        cx: &ClientContext,
        method: &Method,
        avoided: Option<SocketAddr>,
    ) -> Result<Choice, ClientError> {
        let found = self.registry.discover(cx.rpc_info().callee()).await;
        let instances = found.map_err(|error| unreachable(&error.to_string()))?;
        let choice = self.governed.choose(method, &instances, avoided);
        choice.map_err(|error| unreachable(&error.to_string()).into())
    }
}

/// Nothing may be left of an attempt before. If the chosen instance takes no connection nothing was sent, so another one may
/// have the call even if it changes something.
fn prepare(cx: &mut ClientContext, choice: &Choice, limit: Duration) {
    let first = Address::Ip(choice.first.address());
    cx.extensions_mut().remove::<SelectedTransport>();
    match &choice.other {
        Some(other) => {
            let plan = DialPlan::with_fallback(first.clone(), Address::Ip(other.address()));
            cx.extensions_mut().insert(plan);
        }
        None => {
            cx.extensions_mut().remove::<DialPlan>();
        }
    }
    cx.rpc_info_mut().callee_mut().set_address(first);
    cx.rpc_info_mut().config_mut().set_rpc_timeout(Some(limit));
    cx.transport.should_reuse = true;
    cx.common_stats.reset();
}

/// Tells the breakers.
fn note(client: &Client, cx: &ClientContext, choice: &Choice, called: Called<'_>, failed: bool) {
    let Some(breaking) = &called.rules.breaking else { return };
    let now = tokio::time::Instant::now();
    let tell = |breaker: &fanone_governance::Breaker, failed: bool| {
        let Some(state) = breaker.record(failed, breaking, now) else { return };
        let (method, address) = (called.name, breaker.address());
        match state {
            State::Open => {
                tracing::warn!(rpc.method = %method, callee = client.server(), %address, "rpc.breaker_opened");
            }
            _ => {
                tracing::info!(rpc.method = %method, callee = client.server(), %address, "rpc.breaker_closed");
            }
        }
    };
    match (cx.extensions().get::<SelectedTransport>(), &choice.other) {
        // Whoever took no connection failed, whatever the other one did.
        (Some(selected), Some(other)) if selected.attempt() > 0 => {
            tell(&choice.first, true);
            tell(other, failed);
        }
        (Some(_), _) | (None, None) => tell(&choice.first, failed),
        // Neither did, or time was over before the other could be asked.
        (None, Some(_)) => tell(&choice.first, true),
    }
}
