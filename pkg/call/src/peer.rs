//! A service as a party to calls: what it is called by, and what it calls with.

use std::{sync::Arc, time::Duration};

use fanone_config::Calls;
use fanone_governance::RoundRobin;
use fanone_identity::{Gate, KeyError, Keys, ServiceTokens};
use fanone_registry::Registry;
use futures::{FutureExt, future::BoxFuture};
use motore::{Service, layer::Identity, service::BoxCloneService};
use tokio::{net::TcpListener, sync::Semaphore};
use volo::{
    FastStr,
    client::MkClient,
    discovery::DummyDiscover,
    loadbalance::{LbConfig, random::WeightedRandomBalance},
    net::dial::DefaultMakeTransport,
};
use volo_thrift::{
    ClientError, EntryMessage, ServerError,
    client::{Client, ClientBuilder},
    codec::{
        DefaultMakeCodec,
        default::{framed::MakeFramedCodec, thrift::MakeThriftCodec, ttheader::MakeTTHeaderCodec},
    },
    context::{ClientContext, ServerContext},
    transport::pool,
};

use crate::{
    accept,
    fallback::Fallback,
    guard::{GuardedCodec, Side},
    inbound::{Inbound, count_refusals_from_zero},
    outbound::Outbound,
};

/// Idle connections that a client keeps to one instance.
const IDLE_CONNECTIONS: usize = 64;
/// How long it keeps them; less than servers wait for a request.
const IDLE_TIME: Duration = Duration::from_secs(30);

/// Whether a call that broke with its connection is made again, on the next instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// For methods that change something: the broken call may have been carried out.
    Never,
    /// For methods that only read.
    Once,
}

/// A server that cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The keys that check its callers cannot be used.
    #[error("the keys that check callers cannot be used")]
    Keys(#[from] KeyError),
    /// There is no description of its messages.
    #[error("idl/ does not describe the service {0}")]
    NotDescribed(String),
}

/// One service as a party to calls. Cheap to clone.
#[derive(Clone)]
pub struct Peer {
    keys: Keys,
    tokens: ServiceTokens,
    registry: Registry,
    settings: Calls,
}

/// What the generated `…ClientBuilder::new` makes.
pub type GeneratedBuilder<C, Req, Resp> = ClientBuilder<
    Identity,
    Identity,
    C,
    Req,
    Resp,
    DefaultMakeTransport,
    DefaultMakeCodec<MakeTTHeaderCodec<MakeFramedCodec<MakeThriftCodec>>>,
    LbConfig<WeightedRandomBalance<()>, DummyDiscover>,
>;

impl Peer {
    /// The peer named `service`, whose own tokens live for `token_lifetime`.
    pub fn new(
        service: &str,
        keys: &Keys,
        token_lifetime: Duration,
        registry: Registry,
        settings: &Calls,
    ) -> Result<Self, KeyError> {
        let tokens = keys.service_tokens(service, token_lifetime)?;
        Ok(Self { keys: keys.clone(), tokens, registry, settings: settings.clone() })
    }

    /// The peer's name.
    pub fn name(&self) -> &str {
        self.tokens.name()
    }

    /// The same peer, whose clients find instances in `registry`.
    #[must_use]
    pub fn with_registry(self, registry: Registry) -> Self {
        Self { registry, ..self }
    }

    /// The same peer, whose calls take at most `limit`.
    #[must_use]
    pub fn with_timeout(mut self, limit: Duration) -> Self {
        self.settings.rpc_timeout_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        self
    }

    /// A client of the service for which `builder` was made. Build it once and clone it: clones
    /// share their connections.
    pub fn client<C, Req, Resp>(&self, builder: GeneratedBuilder<C, Req, Resp>, retry: Retry) -> C::Target
    where
        C: MkClient<Client<BoxCloneService<ClientContext, Req, Option<Resp>, ClientError>>>,
        Req: EntryMessage + Send + Sync + Clone + 'static,
        Resp: EntryMessage + Send + Sync + Clone + 'static,
    {
        let service = builder.get_callee_name().clone();
        self.client_as(&service, builder, retry)
    }

    /// As [`Peer::client`], for instances that are registered by another name than that of their `service`: its messages,
    /// its permissions and its tokens are those of `service`.
    pub fn client_as<C, Req, Resp>(
        &self,
        service: &str,
        builder: GeneratedBuilder<C, Req, Resp>,
        retry: Retry,
    ) -> C::Target
    where
        C: MkClient<Client<BoxCloneService<ClientContext, Req, Option<Resp>, ClientError>>>,
        Req: EntryMessage + Send + Sync + Clone + 'static,
        Resp: EntryMessage + Send + Sync + Clone + 'static,
    {
        let limit = self.settings.rpc_timeout();
        self.registry.watch_service(builder.get_callee_name());
        let callee = FastStr::new(service);
        let codec = GuardedCodec::new(&callee, Side::Client, self.settings.frame_max_bytes);
        let retries = match retry {
            Retry::Never => 0,
            Retry::Once => 1,
        };
        builder
            .caller_name(self.name())
            .make_codec(codec)
            .discover(self.registry.clone())
            .load_balance(RoundRobin::new())
            .retry_count(retries)
            .rpc_timeout(Some(limit))
            .connect_timeout(Some(self.settings.connect_timeout()))
            .pool_config(pool::Config::new(IDLE_CONNECTIONS, IDLE_TIME))
            // The outer layer has a timeout of its own, whose error can be told apart.
            .disable_timeout_layer()
            .layer_inner(Fallback(self.registry.clone()))
            .layer_outer_front(Outbound::new(self.tokens.clone(), callee, limit))
            .build()
    }

    /// Serves `service` on `listener` until `stop`, then lets requests under way end, within 4 s.
    /// `Req` is the generated `…ServiceRequestRecv`, `service` the generated
    /// `…ServiceServer::from_handler(handler)`.
    pub fn serve<Req, S>(
        &self,
        service: S,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<BoxFuture<'static, ()>, ServeError>
    where
        Req: EntryMessage + Send + 'static,
        S: Service<ServerContext, Req, Error = ServerError> + Send + Sync + 'static,
        S::Response: EntryMessage + Send + 'static,
    {
        count_refusals_from_zero();
        let inbound = Inbound {
            handler: service,
            gate: Gate::new(self.name(), &self.keys)?,
            room: Arc::new(Semaphore::new(self.settings.concurrent_max)),
            default_limit: self.settings.rpc_timeout(),
        };
        let codec = GuardedCodec::new(self.name(), Side::Server, self.settings.frame_max_bytes);
        if !codec.is_described() {
            return Err(ServeError::NotDescribed(self.name().to_owned()));
        }
        Ok(accept::serve(Arc::new(inbound), codec, listener, stop).boxed())
    }
}
