//! What every call passes on its way to a handler, in this order: room for it, its identity, its
//! deadline; and around all of it the catching of panics, one metric and one log line.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration, time::Instant};

use fanone_base::{Code, Failure};
use fanone_governance::Server;
use fanone_identity::{Caller, Gate, IdentityError};
use fanone_telemetry::{
    names,
    trace::{self, Span},
};
use futures::FutureExt;
use metainfo::{Forward, METAINFO};
use motore::Service;
use tokio::sync::Semaphore;
use volo::{FastStr, context::Context};
use volo_thrift::{ServerError, context::ServerContext};

use crate::{
    deadline,
    error::{refusal, timed_out},
    outcome::{self, Outcome},
    traces,
};

/// The metadata key of the calling service's token.
pub(crate) const SERVICE_TOKEN: &str = "FANONE_SERVICE";
/// The metadata key of the access token of the user for whom the call is made.
pub(crate) const USER_TOKEN: &str = "FANONE_USER";

/// The longest that any call may take, whatever its caller allows it.
const HANDLING_MAX: Duration = Duration::from_secs(30);

/// The layers of one server in front of its `handler`.
pub(crate) struct Inbound<S> {
    pub(crate) handler: S,
    pub(crate) gate: Gate,
    /// One permit for each call that is worked on.
    pub(crate) room: Arc<Semaphore>,
    /// For callers that send no deadline.
    pub(crate) default_limit: Duration,
    /// How many calls there may be in a second.
    pub(crate) governed: Arc<Server>,
}

impl<S, Req> Service<ServerContext, Req> for Inbound<S>
where
    S: Service<ServerContext, Req, Error = ServerError> + Send + Sync + 'static,
    S::Response: Send,
    Req: Send + 'static,
{
    type Response = S::Response;
    type Error = ServerError;

    async fn call(&self, cx: &mut ServerContext, req: Req) -> Result<S::Response, ServerError> {
        let start = Instant::now();
        let method = cx.rpc_info().method().clone();
        let mut span = Span::none();
        // More calls than there is room for would all be late; it is kinder to refuse some at once.
        let room = if self.governed.admits_call() {
            self.room.try_acquire().ok().ok_or("busy")
        } else {
            Err("qps_limit")
        };
        let (caller, result) = match room {
            Ok(_permit) => match self.admit(&method) {
                Ok(caller) => {
                    let name = caller.service.clone();
                    span = self.span(&method, &caller);
                    let work = self.handle(caller, cx, req);
                    (Some(name), trace::within(span.context(), work).await)
                }
                Err(error) => {
                    log_refusal(&error, cx, &method);
                    (None, Err(refusal(error.code())))
                }
            },
            Err(reason) => {
                count_refusal(reason);
                (None, Err(refusal(Code::TooManyRequests)))
            }
        };
        let caller = caller.as_deref().unwrap_or("unknown");
        let outcome = Outcome::of_served(&result);
        outcome::record_served(self.gate.service(), &method, caller, outcome, start.elapsed());
        traces::conclude(&mut span, outcome);
        trace::enter(span.context(), || {
            tracing::debug!(
                rpc.method = %method, caller, outcome = outcome.name(),
                duration_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX),
                "rpc.served"
            );
        });
        result
    }
}

impl<S> Inbound<S> {
    fn admit(&self, method: &str) -> Result<Caller, IdentityError> {
        let token = |key: &str| {
            METAINFO.try_with(|meta| meta.borrow().get_upstream(key)).ok().flatten().unwrap_or_default()
        };
        self.gate.admit(method, &token(SERVICE_TOKEN), &token(USER_TOKEN))
    }

    /// Only callers that were admitted may have a call traced.
    fn span(&self, method: &str, caller: &Caller) -> Span {
        let mut span = trace::of_call(self.gate.service(), traces::sent);
        if span.is_recorded() {
            traces::describe(&mut span, self.gate.service(), method);
            span.set("fanone.caller", caller.service.to_string());
        }
        span
    }

    async fn handle<Req>(
        &self,
        caller: Caller,
        cx: &mut ServerContext,
        req: Req,
    ) -> Result<S::Response, ServerError>
    where
        S: Service<ServerContext, Req, Error = ServerError>,
    {
        let limit = cx.rpc_info().config().rpc_timeout().unwrap_or(self.default_limit).min(HANDLING_MAX);
        let work = fanone_identity::scope(caller, self.handler.call(cx, req));
        let work = deadline::within(limit, AssertUnwindSafe(work).catch_unwind());
        match tokio::time::timeout(limit, work).await {
            Ok(Ok(result)) => result,
            // What the panic says is in the log already, by the panic hook; it is not for the caller.
            Ok(Err(_)) => Err(refusal(Code::Internal)),
            Err(_) => Err(timed_out().into()),
        }
    }
}

/// An expired token is daily business; a caller without permission is a fault or an attack.
fn log_refusal(error: &IdentityError, cx: &ServerContext, method: &FastStr) {
    let peer = || cx.rpc_info().caller().address().map(|peer| peer.to_string()).unwrap_or_default();
    count_refusal(match error {
        IdentityError::Forbidden => "forbidden",
        IdentityError::NotLoggedIn => "not_logged_in",
        IdentityError::AccessExpired => "access_expired",
    });
    match error {
        IdentityError::Forbidden => tracing::warn!(rpc.method = %method, peer = peer(), "rpc.forbidden"),
        IdentityError::NotLoggedIn | IdentityError::AccessExpired => {
            tracing::debug!(rpc.method = %method, peer = peer(), %error, "rpc.unauthenticated");
        }
    }
}

/// Why calls are refused here; an alert needs the series before the first refusal.
const REASONS: [&str; 7] =
    ["forbidden", "not_logged_in", "access_expired", "busy", "malformed", "qps_limit", "connection_limit"];

/// Begins to count calls that the service will never see.
pub(crate) fn count_refusals_from_zero() {
    for reason in REASONS {
        metrics::counter!(names::RPC_REFUSED, "reason" => reason).increment(0);
    }
}

/// Counts a call that the service never saw.
pub(crate) fn count_refusal(reason: &'static str) {
    metrics::counter!(names::RPC_REFUSED, "reason" => reason).increment(1);
}
