//! How each role is put together from its parts.

use std::sync::Arc;

use fanone_call::Peer;
use fanone_config::{Role, VectorsUrl};
use fanone_interaction::InteractionService;
use fanone_social::SocialService;
use fanone_user::UserService;
use fanone_video::VideoService;
use tokio::net::TcpListener;
use volo_gen::fanone::{
    interaction::{InteractionServiceRequestRecv, InteractionServiceServer},
    social::{SocialServiceRequestRecv, SocialServiceServer},
    user::{UserServiceClientBuilder, UserServiceRequestRecv, UserServiceServer},
    video::{VideoServiceClientBuilder, VideoServiceRequestRecv, VideoServiceServer},
};

use crate::site::{Parts, Site};

/// Starts `role` on `listener`. Its address must still be registered.
pub(crate) async fn start(site: &Site, role: Role, listener: TcpListener) -> anyhow::Result<Parts> {
    match role {
        Role::User => user(site, listener).await,
        Role::Video => video(site, listener),
        Role::Interaction => interaction(site, listener),
        Role::Social => social(site, listener),
        Role::Http => front(site, listener),
    }
}

async fn user(site: &Site, listener: TcpListener) -> anyhow::Result<Parts> {
    let (peer, store) = (peer(site, Role::User)?, site.outside.store(Role::User)?);
    let service = UserService::open(&site.settings, &site.live, store.clone(), &site.keys).await?;
    if !matches!(site.settings.vectors.url, VectorsUrl::Memory) {
        // Without them there is no image search; everything else goes on.
        let checked = service.clone();
        site.readiness.add_optional("user.vectors", move || {
            let service = checked.clone();
            async move { service.check_vectors().await.map_err(|error| fanone_telemetry::chain(&error)) }
        });
    }
    let jobs = fanone_user::run_jobs(service.clone(), store, site.live.clone(), site.stop_first.clone());
    let handler = UserServiceServer::from_handler(service);
    let stop = site.stop_last.clone().cancelled_owned();
    let server = peer.serve::<UserServiceRequestRecv, _>(handler, listener, stop)?;
    Ok(Parts { first: vec![Box::pin(jobs)], last: vec![Box::pin(server)] })
}

fn video(site: &Site, listener: TcpListener) -> anyhow::Result<Parts> {
    let (peer, store) = (peer(site, Role::Video)?, site.outside.store(Role::Video)?);
    let users = peer.client(UserServiceClientBuilder::new(Role::User.service_name()));
    let service = VideoService::new(&site.settings, &site.live, store.clone(), site.outside.cache.clone());
    let jobs = fanone_video::run_jobs(store, site.live.clone(), users, site.stop_first.clone());
    let handler = VideoServiceServer::from_handler(service);
    let stop = site.stop_last.clone().cancelled_owned();
    let server = peer.serve::<VideoServiceRequestRecv, _>(handler, listener, stop)?;
    Ok(Parts { first: vec![Box::pin(jobs)], last: vec![Box::pin(server)] })
}

fn interaction(site: &Site, listener: TcpListener) -> anyhow::Result<Parts> {
    let (peer, store) = (peer(site, Role::Interaction)?, site.outside.store(Role::Interaction)?);
    let videos = peer.client(VideoServiceClientBuilder::new(Role::Video.service_name()));
    let service = InteractionService::new(store.clone());
    let jobs = fanone_interaction::run_jobs(store, site.live.clone(), videos, site.stop_first.clone());
    let handler = InteractionServiceServer::from_handler(service);
    let stop = site.stop_last.clone().cancelled_owned();
    let server = peer.serve::<InteractionServiceRequestRecv, _>(handler, listener, stop)?;
    Ok(Parts { first: vec![Box::pin(jobs)], last: vec![Box::pin(server)] })
}

fn social(site: &Site, listener: TcpListener) -> anyhow::Result<Parts> {
    let (peer, store) = (peer(site, Role::Social)?, site.outside.store(Role::Social)?);
    let users = peer.client(UserServiceClientBuilder::new(Role::User.service_name()));
    let service = SocialService::new(store.clone(), &site.settings.chat);
    let jobs = fanone_social::run_jobs(store, site.live.clone(), users, site.stop_first.clone());
    let handler = SocialServiceServer::from_handler(service);
    let stop = site.stop_last.clone().cancelled_owned();
    let server = peer.serve::<SocialServiceRequestRecv, _>(handler, listener, stop)?;
    Ok(Parts { first: vec![Box::pin(jobs)], last: vec![Box::pin(server)] })
}

fn front(site: &Site, listener: TcpListener) -> anyhow::Result<Parts> {
    let peer = peer(site, Role::Http)?;
    let settings = &site.settings;
    let media = site.outside.media()?;
    let cache = site.outside.cache.clone();
    let checked = cache.clone();
    site.readiness.add("http.cache", move || {
        let cache = checked.clone();
        async move { cache.ping().await.map_err(|error| fanone_telemetry::chain(&error)) }
    });
    let checked = media.clone();
    site.readiness.add("http.media", move || {
        let media = checked.clone();
        async move { media.ping().await.map_err(|error| fanone_telemetry::chain(&error)) }
    });
    let (models, limit) = (site.outside.models()?, settings.model.timeout());
    let models = fanone_http::Models::new(
        models.present.open(&peer, limit),
        models.previous.map(|previous| previous.open(&peer, limit)),
    );
    let parts = fanone_http::Parts {
        peer,
        verifier: site.keys.user_verifier()?,
        media,
        models,
        cache,
        settings: Arc::new(settings.clone()),
        live: site.live.clone(),
    };
    let server =
        fanone_http::serve(listener, parts, site.leaving.clone(), site.stop_first.clone().cancelled_owned());
    Ok(Parts { first: vec![Box::pin(server)], last: Vec::new() })
}

fn peer(site: &Site, role: Role) -> anyhow::Result<Peer> {
    let (name, settings) = (role.service_name(), &site.settings);
    let lifetime = settings.identity.service_ttl();
    let peer = Peer::new(name, &site.keys, lifetime, site.registry.clone(), &settings.calls)?;
    Ok(peer.governed_by(&site.governance))
}
