//! A small user service, and what it takes to reach it.

use std::{
    future::pending,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
    time::Duration,
};

use fanone_call::Peer;
use fanone_config::{Balancing, Calls};
use fanone_governance::Governance;
use fanone_identity::{Keys, OnMissing, UserTokens};
use fanone_registry::{Instance, Registry};
use futures::future::BoxFuture;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use volo_gen::fanone::{base::*, user::*};
use volo_thrift::ServerError;

/// What the handler says when all is well; the text tells what it knows of its caller.
fn ok(msg: impl Into<volo::FastStr>) -> BaseResp {
    BaseResp { code: 10000, msg: msg.into() }
}

/// How an instance takes calls of `GetUsers` and `ApplyEvents`, and how many have come.
#[derive(Default)]
pub(crate) struct Mood {
    is: AtomicU8,
    calls: AtomicUsize,
}

/// It answers.
pub(crate) const WELL: u8 = 0;
/// Each call is a fault.
pub(crate) const BROKEN: u8 = 1;
/// No call ends.
pub(crate) const STUCK: u8 = 2;

impl Mood {
    pub(crate) fn turn(&self, mood: u8) {
        self.is.store(mood, Ordering::SeqCst);
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    async fn strikes(&self) -> Result<(), ServerError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        match self.is.load(Ordering::SeqCst) {
            WELL => Ok(()),
            BROKEN => panic!("the instance is broken"),
            _ => pending().await,
        }
    }
}

/// Each method has a behaviour of its own, as the tests need it.
struct Handler(Arc<Mood>);

impl UserService for Handler {
    async fn get_users(&self, req: GetUsersReq) -> Result<GetUsersResp, ServerError> {
        self.0.strikes().await?;
        Ok(GetUsersResp { base: ok(format!("{:?}", req.ids)), users: Vec::new() })
    }

    /// Names the user and the service that call.
    async fn logout(&self, _: LogoutReq) -> Result<LogoutResp, ServerError> {
        let (base, user) = fanone_call::reply(fanone_identity::current_user())?;
        let caller = fanone_identity::caller().unwrap();
        let base = user.map_or(base, |user| ok(format!("{user} by {}", caller.service)));
        Ok(LogoutResp { base })
    }

    /// Names what the request has left to live.
    async fn find_user(&self, _: FindUserReq) -> Result<FindUserResp, ServerError> {
        let left = fanone_call::time_left().unwrap();
        Ok(FindUserResp { base: ok(left.as_millis().to_string()), user: None })
    }

    async fn register(&self, _: RegisterReq) -> Result<RegisterResp, ServerError> {
        let refused = Err::<(), _>(fanone_base::InvalidField::new("username", "is taken"));
        let (base, _) = fanone_call::reply(refused)?;
        Ok(RegisterResp { base, user_id: None })
    }

    async fn login(&self, _: LoginReq) -> Result<LoginResp, ServerError> {
        panic!("secret of the handler")
    }

    async fn renew_access(&self, _: RenewAccessReq) -> Result<RenewAccessResp, ServerError> {
        pending().await
    }

    async fn search_pictures(&self, req: SearchPicturesReq) -> Result<SearchPicturesResp, ServerError> {
        Ok(SearchPicturesResp { base: ok(req.vector.len().to_string()), items: Vec::new(), complete: true })
    }

    async fn rotate_tokens(&self, _: RotateTokensReq) -> Result<RotateTokensResp, ServerError> {
        tokio::time::sleep(Duration::from_millis(300)).await;
        Ok(RotateTokensResp { base: ok("after a while"), tokens: None })
    }

    async fn set_avatar(&self, _: SetAvatarReq) -> Result<SetAvatarResp, ServerError> {
        pending().await
    }
    async fn begin_mfa(&self, _: BeginMfaReq) -> Result<BeginMfaResp, ServerError> {
        pending().await
    }
    async fn bind_mfa(&self, _: BindMfaReq) -> Result<BindMfaResp, ServerError> {
        pending().await
    }
    async fn unbind_mfa(&self, _: UnbindMfaReq) -> Result<UnbindMfaResp, ServerError> {
        pending().await
    }
    async fn list_undescribed(&self, _: ListUndescribedReq) -> Result<ListUndescribedResp, ServerError> {
        pending().await
    }
    async fn set_vectors(&self, _: SetVectorsReq) -> Result<SetVectorsResp, ServerError> {
        pending().await
    }
    async fn apply_events(&self, _: ApplyEventsReq) -> Result<ApplyEventsResp, ServerError> {
        self.0.strikes().await?;
        Ok(ApplyEventsResp { base: ok("applied") })
    }
}

/// A running user service.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    pub(crate) users: UserTokens,
    pub(crate) keys: Keys,
    registry: Registry,
    pub(crate) settings: Calls,
    pub(crate) governance: Governance,
    /// Of the first instance.
    pub(crate) mood: Arc<Mood>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Site {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Calls)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(folder.path(), OnMissing::Generate).unwrap();
        let users = keys.user_tokens(Duration::from_secs(900), Duration::from_secs(900)).unwrap();
        let registry = Registry::memory();
        let mut settings = Calls {
            rpc_timeout_ms: 5000,
            connect_timeout_ms: 1000,
            frame_max_bytes: 16 << 20,
            concurrent_max: 100,
            balancer: Balancing::Weighted,
        };
        change(&mut settings);

        let governance = Governance::new(&settings);
        let (stop, stopped) = oneshot::channel();
        let stopped = async move { stopped.await.unwrap_or(()) };
        let peer = peer("fanone.user", &keys, &registry, &settings).governed_by(&governance);
        let (address, mood, server) = run(&peer, &registry, stopped).await;
        Self {
            address,
            users,
            keys,
            registry,
            settings,
            governance,
            mood,
            stop,
            server: tokio::spawn(server),
            _folder: folder,
        }
    }

    /// Starts one more instance, which runs until the end of the test.
    pub(crate) async fn add_instance(&self) -> (SocketAddr, Arc<Mood>) {
        let peer = peer("fanone.user", &self.keys, &self.registry, &self.settings);
        let (address, mood, server) = run(&peer, &self.registry, pending()).await;
        tokio::spawn(server);
        (address, mood)
    }

    /// Adds an address to the registry at which nobody listens.
    pub(crate) async fn register_a_dead_instance(&self) -> SocketAddr {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        self.registry.register(Instance::new("fanone.user", gone)).await.unwrap();
        gone
    }

    /// A client of the service that calls itself `name` and can prove it.
    pub(crate) fn client_of(&self, name: &str) -> UserServiceClient {
        self.client_with_keys(name, &self.keys)
    }

    pub(crate) fn client_with_keys(&self, name: &str, keys: &Keys) -> UserServiceClient {
        let peer = peer(name, keys, &self.registry, &self.settings).governed_by(&self.governance);
        peer.client(UserServiceClientBuilder::new("fanone.user"))
    }

    pub(crate) fn front(&self) -> UserServiceClient {
        self.client_of("fanone.http")
    }

    /// Stops the server and waits for its end.
    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.server.await.unwrap();
    }
}

/// An instance, not running yet.
async fn run(
    peer: &Peer,
    registry: &Registry,
    stop: impl Future<Output = ()> + Send + 'static,
) -> (SocketAddr, Arc<Mood>, BoxFuture<'static, ()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, mood) = (listener.local_addr().unwrap(), Arc::<Mood>::default());
    registry.register(Instance::new("fanone.user", address)).await.unwrap();
    let service = UserServiceServer::from_handler(Handler(mood.clone()));
    let server = peer.serve::<UserServiceRequestRecv, _>(service, listener, stop).unwrap();
    (address, mood, server)
}

fn peer(name: &str, keys: &Keys, registry: &Registry, settings: &Calls) -> Peer {
    Peer::new(name, keys, Duration::from_secs(300), registry.clone(), settings).unwrap()
}
