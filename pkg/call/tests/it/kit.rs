//! A small user service, and what it takes to reach it.

use std::{future::pending, net::SocketAddr, time::Duration};

use fanone_call::{Peer, Retry};
use fanone_config::Calls;
use fanone_identity::{Keys, OnMissing, UserTokens};
use fanone_registry::{Instance, Registry};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use volo_gen::fanone::{base::*, user::*};
use volo_thrift::ServerError;

/// What the handler says when all is well; the text tells what it knows of its caller.
fn ok(msg: impl Into<volo::FastStr>) -> BaseResp {
    BaseResp { code: 10000, msg: msg.into() }
}

/// Each method has a behaviour of its own, as the tests need it.
struct Handler;

impl UserService for Handler {
    async fn get_users(&self, req: GetUsersReq) -> Result<GetUsersResp, ServerError> {
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
        };
        change(&mut settings);

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        registry.register(Instance::new("fanone.user", address)).await.unwrap();
        let (stop, stopped) = oneshot::channel();
        let stopped = async move { stopped.await.unwrap_or(()) };
        let service = UserServiceServer::from_handler(Handler);
        let peer = peer("fanone.user", &keys, &registry, &settings);
        let server = peer.serve::<UserServiceRequestRecv, _>(service, listener, stopped).unwrap();
        let server = tokio::spawn(server);
        Self { address, users, keys, registry, settings, stop, server, _folder: folder }
    }

    /// Adds an address to the registry at which nobody listens.
    pub(crate) async fn register_a_dead_instance(&self) {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        self.registry.register(Instance::new("fanone.user", gone)).await.unwrap();
    }

    /// A client of the service that calls itself `name` and can prove it.
    pub(crate) fn client_of(&self, name: &str) -> UserServiceClient {
        self.client_with_keys(name, &self.keys)
    }

    pub(crate) fn client_with_keys(&self, name: &str, keys: &Keys) -> UserServiceClient {
        let peer = peer(name, keys, &self.registry, &self.settings);
        peer.client(UserServiceClientBuilder::new("fanone.user"), Retry::Never)
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

fn peer(name: &str, keys: &Keys, registry: &Registry, settings: &Calls) -> Peer {
    Peer::new(name, keys, Duration::from_secs(300), registry.clone(), settings).unwrap()
}
