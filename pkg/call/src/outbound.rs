//! What every call passes on its way out: it is made by the rules, and each attempt is given its credentials.

use std::{cell::RefCell, sync::Arc, time::Instant};

use fanone_base::Code;
use fanone_governance::Client;
use fanone_identity::{
    ForWhom, ServiceTokens,
    permissions::{Permissions, Rule},
};
use fanone_registry::Registry;
use fanone_telemetry::trace::{self, Kind};
use metainfo::{Forward, METAINFO, MetaInfo};
use motore::{Service, layer::Layer};
use volo::{FastStr, context::Context};
use volo_thrift::{ClientError, ServerError, context::ClientContext};

use crate::{
    error::refusal,
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
pub(crate) struct Shared {
    tokens: ServiceTokens,
    pub(crate) callee: FastStr,
    permissions: Permissions,
    pub(crate) registry: Registry,
    /// The rules, and what is known of the instances.
    pub(crate) governed: Arc<Client>,
}

/// The one layer of every client, in the place of volo's balancer.
#[derive(Clone)]
pub(crate) struct Outbound(Arc<Shared>);

impl Outbound {
    /// For calls to `callee`.
    pub(crate) fn new(
        tokens: ServiceTokens,
        callee: FastStr,
        registry: Registry,
        governed: Arc<Client>,
    ) -> Self {
        let permissions = Permissions::of(&callee, &[]);
        Self(Arc::new(Shared { tokens, callee, permissions, registry, governed }))
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
    pub(crate) shared: Arc<Shared>,
    pub(crate) inner: S,
}

impl<S, Req> Service<ClientContext, Req> for OutboundService<S>
where
    S: Service<ClientContext, Req, Error = ClientError> + Send + Sync + 'static,
    S::Response: Send,
    Req: Clone + Send + Sync + 'static,
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
        let result = trace::within(span.context(), self.by_the_rules(cx, req, &method)).await;
        let outcome = Outcome::of_called(&result);
        traces::conclude(&mut span, outcome);
        outcome::record_called(callee, &method, tokens.name(), outcome, start.elapsed());
        result
    }
}

impl Shared {
    /// Makes `attempt` with the metadata of a call of `method`.
    pub(crate) async fn with_credentials<T>(
        &self,
        method: &str,
        attempt: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        let meta = self.credentials(method)?;
        // A scope of its own for each attempt: METAINFO is shared by all calls of a task, so calls
        // side by side would send each other's values.
        METAINFO.scope(RefCell::new(meta), attempt).await
    }

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
