//! What every call passes on its way out: it is given its credentials and its time, and an end.

use std::{cell::RefCell, sync::Arc, time::Duration, time::Instant};

use fanone_base::Code;
use fanone_identity::{
    ForWhom, ServiceTokens,
    permissions::{Permissions, Rule},
};
use fanone_telemetry::trace::{self, Kind};
use metainfo::{Forward, METAINFO, MetaInfo};
use motore::{Service, layer::Layer};
use volo::{FastStr, context::Context};
use volo_thrift::{
    ApplicationException, ApplicationExceptionKind, ClientError, ServerError, context::ClientContext,
};

use crate::{
    deadline::time_left,
    error::{refusal, timed_out, unreachable},
    inbound::{SERVICE_TOKEN, USER_TOKEN},
    outcome::{self, Outcome},
    traces,
};

tokio::task_local! {
    static ACCESS_TOKEN: FastStr;
}

/// Runs `work` so that its calls act for the user whose access token this is. The token goes to
/// methods that act for a user only, and no service passes it on.
pub async fn as_user<F: Future>(access_token: &str, work: F) -> F::Output {
    ACCESS_TOKEN.scope(FastStr::new(access_token), work).await
}

/// What all calls to one service share.
struct Shared {
    tokens: ServiceTokens,
    callee: FastStr,
    permissions: Permissions,
    limit: Duration,
}

/// The outermost layer of every client.
#[derive(Clone)]
pub(crate) struct Outbound(Arc<Shared>);

impl Outbound {
    /// For calls to `callee` that take at most `limit`.
    pub(crate) fn new(tokens: ServiceTokens, callee: FastStr, limit: Duration) -> Self {
        let permissions = Permissions::of(&callee);
        Self(Arc::new(Shared { tokens, callee, permissions, limit }))
    }
}

impl<S> Layer<S> for Outbound {
    type Service = OutboundService<S>;

    fn layer(self, inner: S) -> OutboundService<S> {
        OutboundService { shared: self.0, inner }
    }
}

#[derive(Clone)]
pub(crate) struct OutboundService<S> {
    shared: Arc<Shared>,
    inner: S,
}

impl<S, Req> Service<ClientContext, Req> for OutboundService<S>
where
    S: Service<ClientContext, Req, Error = ClientError> + Send + Sync + 'static,
    S::Response: Send,
    Req: Send + 'static,
{
    type Response = S::Response;
    type Error = ClientError;

    async fn call(&self, cx: &mut ClientContext, req: Req) -> Result<S::Response, ClientError> {
        let start = Instant::now();
        let method = cx.rpc_info().method().clone();
        let Shared { callee, tokens, .. } = &*self.shared;
        let mut span = trace::child(Kind::Client);
        if span.is_recorded() {
            traces::describe(&mut span, callee, &method);
            span.set("peer.service", callee.to_string());
        }
        let result = trace::within(span.context(), self.send(cx, req)).await;
        let outcome = Outcome::of_called(&result);
        traces::conclude(&mut span, outcome);
        outcome::record_called(callee, &method, tokens.name(), outcome, start.elapsed());
        result
    }
}

impl<S> OutboundService<S> {
    async fn send<Req>(&self, cx: &mut ClientContext, req: Req) -> Result<S::Response, ClientError>
    where
        S: Service<ClientContext, Req, Error = ClientError>,
    {
        let own = cx.rpc_info().config().rpc_timeout().unwrap_or(self.shared.limit);
        let limit = time_left().map_or(own, |left| left.min(own));
        // The deadline travels in whole milliseconds.
        if limit < Duration::from_millis(1) {
            return Err(timed_out().into());
        }
        cx.rpc_info_mut().config_mut().set_rpc_timeout(Some(limit));
        let meta = self.shared.credentials(cx.rpc_info().method())?;
        // A scope of its own for each call: METAINFO is shared by all calls of a task, so calls
        // side by side would send each other's values.
        let call = METAINFO.scope(RefCell::new(meta), self.inner.call(cx, req));
        match tokio::time::timeout(limit, call).await {
            Ok(result) => result.map_err(plain),
            Err(_) => Err(timed_out().into()),
        }
    }
}

impl Shared {
    /// The metadata of a call of `method`.
    fn credentials(&self, method: &str) -> Result<MetaInfo, ClientError> {
        let service_token = self.tokens.for_callee(&self.callee).map_err(|error| {
            tracing::error!(%error, callee = %self.callee, "no service token");
            match refusal(Code::Internal) {
                ServerError::Application(error) => ClientError::Application(error),
                ServerError::Biz(error) => ClientError::Biz(error),
            }
        })?;
        let derived = METAINFO.try_with(|meta| {
            let (own, derived) = meta.take().derive();
            meta.replace(own);
            derived
        });
        let mut meta = derived.unwrap_or_default();
        meta.set_transient(SERVICE_TOKEN, service_token);
        if self.permissions.rule(method).map(Rule::for_whom) == Some(ForWhom::User)
            && let Ok(token) = ACCESS_TOKEN.try_with(Clone::clone)
        {
            meta.set_transient(USER_TOKEN, token);
        }
        traces::send(&mut meta);
        Ok(meta)
    }
}

/// Through discovery, volo turns every transport failure into an application exception with a text
/// of its own; this makes an outage recognisable again. (The cause is in volo's log line.)
fn plain(error: ClientError) -> ClientError {
    match error {
        ClientError::Application(error) if is_from_balancer(&error) => unreachable(error.message()).into(),
        other => other,
    }
}

fn is_from_balancer(error: &ApplicationException) -> bool {
    error.kind() == ApplicationExceptionKind::INTERNAL_ERROR && error.message().starts_with("load balance ")
}
