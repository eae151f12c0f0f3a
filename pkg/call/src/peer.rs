//! A service as a party to calls: what it is called by, and what it calls with.

use std::{sync::Arc, time::Duration};

use fanone_config::Calls;
use fanone_governance::Governance;
use fanone_identity::{Gate, KeyError, Keys, ServiceTokens};
use fanone_registry::Registry;
use futures::{FutureExt, future::BoxFuture};
use motore::{Service, layer::Identity, service::BoxCloneService};
use tokio::{net::TcpListener, sync::Semaphore};
use volo::{
    FastStr,
    client::MkClient,
    discovery::DummyDiscover,
    loadbalance::{CustomLayer, LbConfig, random::WeightedRandomBalance},
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
    connect::Dial,
    guard::{GuardedCodec, Side},
    inbound::{Inbound, count_refusals_from_zero},
    outbound::Outbound,
};

/// Idle connections that a client keeps to one instance.
const IDLE_CONNECTIONS: usize = 64;
/// How long it keeps them; less than servers wait for a request.
const IDLE_TIME: Duration = Duration::from_secs(30);

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
    governance: Governance,
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
        let governance = Governance::new(settings);
        Ok(Self { keys: keys.clone(), tokens, registry, settings: settings.clone(), governance })
    }

    /// The same peer by these rules; without, it goes by the defaults for ever.
    #[must_use]
    pub fn governed_by(self, governance: &Governance) -> Self {
        Self { governance: governance.clone(), ..self }
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

    /// A client of the service for which `builder` was made. Build it once and clone it: clones
    /// share their connections.
    pub fn client<C, Req, Resp>(&self, builder: GeneratedBuilder<C, Req, Resp>) -> C::Target
    where
        C: MkClient<Client<BoxCloneService<ClientContext, Req, Option<Resp>, ClientError>>>,
        Req: EntryMessage + Send + Sync + Clone + 'static,
        Resp: EntryMessage + Send + Sync + Clone + 'static,
    {
        let service = builder.get_callee_name().clone();
        self.client_as(&service, builder)
    }

    /// As [`Peer::client`], for instances that are registered by another name than that of their `service`: its messages,
    /// its permissions and its tokens are those of `service`.
    pub fn client_as<C, Req, Resp>(&self, service: &str, builder: GeneratedBuilder<C, Req, Resp>) -> C::Target
    where
        C: MkClient<Client<BoxCloneService<ClientContext, Req, Option<Resp>, ClientError>>>,
        Req: EntryMessage + Send + Sync + Clone + 'static,
        Resp: EntryMessage + Send + Sync + Clone + 'static,
    {
        self.registry.watch_service(builder.get_callee_name());
        let callee = FastStr::new(service);
        let codec = GuardedCodec::new(&callee, Side::Client, self.settings.frame_max_bytes);
        let governed = self.governance.client(self.name(), &callee);
        let outbound = Outbound::new(self.tokens.clone(), callee, self.registry.clone(), governed);
        builder
            .caller_name(self.name())
            .make_codec(codec)
            .make_transport(Dial::default())
            .connect_timeout(Some(self.settings.connect_timeout()))
            .pool_config(pool::Config::new(IDLE_CONNECTIONS, IDLE_TIME))
            // Each attempt has a timeout of its own, whose error can be told apart.
            .disable_timeout_layer()
            .mk_load_balance(CustomLayer(outbound))
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
            governed: self.governance.server(self.name()),
        };
        let codec = GuardedCodec::new(self.name(), Side::Server, self.settings.frame_max_bytes);
        if !codec.is_described() {
            return Err(ServeError::NotDescribed(self.name().to_owned()));
        }
        let governed = Arc::clone(&inbound.governed);
        Ok(accept::serve(Arc::new(inbound), codec, listener, governed, stop).boxed())
    }
}
