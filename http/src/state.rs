//! What the front works with: settings, clients of the four services, and its own parts.

use std::{ops::Deref, sync::Arc};

use fanone_base::Id;
use fanone_cache::{Cache, SingleFlight};
use fanone_call::Peer;
use fanone_config::{Live, Role, Settings};
use fanone_identity::UserVerifier;
use fanone_media::MediaStore;
use http::request::Parts as RequestParts;
use tokio::{sync::Semaphore, time::Instant};
use volo_gen::fanone::{
    interaction::{InteractionServiceClient, InteractionServiceClientBuilder},
    social::{SocialServiceClient, SocialServiceClientBuilder},
    user::{UserServiceClient, UserServiceClientBuilder},
    video::{VideoServiceClient, VideoServiceClientBuilder},
};
use volo_http::{context::ServerContext, server::extract::FromContext};

use crate::{
    chat::Hub, compose::known::Known, extract::PICTURE_BYTES_HELD_MAX, gate::Scope, models::Models,
    objects::View, refusal::Refusal, upload::Uploads,
};

/// Revoked sessions that a front keeps in mind itself; the cache has all of them.
const REVOKED_MAX: u64 = 100_000;

/// Everything the front is put together from. Whoever starts it brings these.
pub struct Parts {
    /// The settings of the whole site.
    pub settings: Arc<Settings>,
    /// Those that change while it runs.
    pub live: Live,
    /// The front as a party to calls: `fanone.http`.
    pub peer: Peer,
    /// Checks access tokens.
    pub verifier: UserVerifier,
    /// Pictures and videos.
    pub media: MediaStore,
    /// Make vectors of pictures.
    pub models: Models,
    /// Rate limits, revoked sessions, short-lived knowledge.
    pub cache: Arc<dyn Cache>,
}

/// One client of each service.
pub(crate) struct Clients {
    pub(crate) user: UserServiceClient,
    pub(crate) video: VideoServiceClient,
    pub(crate) interaction: InteractionServiceClient,
    pub(crate) social: SocialServiceClient,
}

impl Clients {
    fn new(peer: &Peer) -> Self {
        let name = |role: Role| role.service_name();
        Self {
            user: peer.client(UserServiceClientBuilder::new(name(Role::User))),
            video: peer.client(VideoServiceClientBuilder::new(name(Role::Video))),
            interaction: peer.client(InteractionServiceClientBuilder::new(name(Role::Interaction))),
            social: peer.client(SocialServiceClientBuilder::new(name(Role::Social))),
        }
    }
}

/// The parts, and what is made of them.
pub(crate) struct State {
    parts: Parts,
    /// The services.
    pub(crate) services: Clients,
    /// How rows are shown.
    pub(crate) view: View,
    /// Videos on their way in.
    pub(crate) uploads: Uploads,
    /// One permit for each byte of a picture in memory.
    pub(crate) picture_room: Arc<Semaphore>,
    /// Which videos and users exist.
    pub(crate) existence: SingleFlight,
    /// Those that this front has just heard to exist.
    pub(crate) known: Known,
    /// Sessions that were revoked here, with the time when their last access token ends.
    pub(crate) revoked: moka::sync::Cache<Id, Instant>,
    /// Who is connected to the chat.
    pub(crate) chat: Hub,
}

impl Deref for State {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

/// A handle on the state; as an argument of a handler it is the state.
#[derive(Clone)]
pub(crate) struct App(Arc<State>);

impl App {
    pub(crate) fn new(parts: Parts) -> Self {
        let services = Clients::new(&parts.peer);
        let settings = &parts.settings;
        let view = View::new(settings);
        let uploads = Uploads::new(settings, &parts.media);
        let chat = Hub::new(settings.http.connections_max, settings.chat.connections_per_user);
        let picture_room = Arc::new(Semaphore::new(PICTURE_BYTES_HELD_MAX));
        // A miss is one short call: cheaper than telling the other fronts of it.
        let existence = SingleFlight::in_process(Arc::clone(&parts.cache));
        let revoked = moka::sync::Cache::builder()
            .max_capacity(REVOKED_MAX)
            .time_to_live(settings.identity.access_ttl())
            .build();
        Self(Arc::new(State {
            parts,
            services,
            view,
            uploads,
            picture_room,
            existence,
            known: Known::default(),
            revoked,
            chat,
        }))
    }
}

impl Deref for App {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

impl FromContext for App {
    type Rejection = Refusal;

    async fn from_context(cx: &mut ServerContext, _parts: &mut RequestParts) -> Result<Self, Refusal> {
        Scope::of(cx).map(|scope| scope.app.clone())
    }
}
