//! What the front works with: settings, clients of the four services, and its own parts.

use std::{ops::Deref, sync::Arc};

use fanone_cache::Cache;
use fanone_config::Settings;
use fanone_identity::UserVerifier;
use fanone_media::MediaStore;
use fanone_vectors::Model;
use http::request::Parts as RequestParts;
use volo_gen::fanone::{
    interaction::InteractionServiceClient, social::SocialServiceClient, user::UserServiceClient,
    video::VideoServiceClient,
};
use volo_http::{context::ServerContext, server::extract::FromContext};

use crate::{gate::Scope, objects::View, refusal::Refusal};

/// Everything the front is put together from. Whoever starts it brings these.
pub struct Parts {
    /// The settings of the whole site.
    pub settings: Arc<Settings>,
    /// Accounts.
    pub user: UserServiceClient,
    /// Videos.
    pub video: VideoServiceClient,
    /// Likes and comments.
    pub interaction: InteractionServiceClient,
    /// Follows and chat.
    pub social: SocialServiceClient,
    /// Checks access tokens.
    pub verifier: UserVerifier,
    /// Pictures and videos.
    pub media: MediaStore,
    /// Makes vectors of pictures.
    pub model: Model,
    /// Rate limits, revoked sessions, short-lived knowledge.
    pub cache: Arc<dyn Cache>,
}

/// The parts, and how rows are shown.
pub(crate) struct State {
    parts: Parts,
    pub(crate) view: View,
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
        let view = View::new(&parts.settings);
        Self(Arc::new(State { parts, view }))
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
