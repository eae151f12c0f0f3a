//! A model in another program, which serves `EmbeddingService` of `idl/embedding.thrift`.

use std::{
    collections::BTreeSet,
    io::{self, Cursor},
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use fanone_call::{CallError, Peer, check};
use fanone_config::{ModelPlace, RemoteModel};
use fanone_identity::permissions::EMBEDDING;
use fanone_registry::{Instance, Registry};
use image::{DynamicImage, ImageFormat};
use tokio::net::lookup_host;
use volo_gen::fanone::embedding::{EmbedReq, EmbeddingServiceClient, EmbeddingServiceClientBuilder};

use super::{ModelError, rest::Rest, workers::Workers};
use crate::from_bytes;

/// More addresses of one host are not used.
const ADDRESSES_MAX: usize = 16;

/// A client of the model.
pub(super) struct Remote {
    model: RemoteModel,
    client: EmbeddingServiceClient,
    /// For a model at one host: where its present addresses are written down for the client.
    host: Option<Host>,
    workers: Workers,
    rest: Rest,
    limit: Duration,
}

struct Host {
    name: String,
    port: u16,
    registry: Registry,
    known: Mutex<BTreeSet<SocketAddr>>,
}

impl Remote {
    pub(super) fn new(model: RemoteModel, peer: &Peer, limit: Duration) -> Self {
        let (client, host) = match &model.place {
            ModelPlace::Service(name) => {
                let builder = EmbeddingServiceClientBuilder::new(name.as_str());
                (peer.client_as(EMBEDDING, builder), None)
            }
            ModelPlace::Host { host, port } => {
                let registry = Registry::memory();
                let builder = EmbeddingServiceClientBuilder::new(EMBEDDING);
                let client = peer.clone().with_registry(registry.clone()).client(builder);
                (client, Some(Host { name: host.clone(), port: *port, registry, known: Mutex::default() }))
            }
        };
        Self { model, client, host, workers: Workers::default(), rest: Rest::default(), limit }
    }

    pub(super) fn name(&self) -> &str {
        &self.model.name
    }

    pub(super) fn dimension(&self) -> usize {
        self.model.dimension
    }

    pub(super) async fn embed(&self, picture: DynamicImage) -> Result<Vec<f32>, ModelError> {
        if self.rest.is_on() {
            return Err(ModelError::Resting);
        }
        let result = self.ask(picture).await;
        if matches!(result, Err(ModelError::Timeout(_) | ModelError::Unreachable(_) | ModelError::NoHost(_)))
        {
            self.rest.begin();
        }
        result
    }

    /// Somebody has waited for it as long as may be waited.
    pub(super) fn is_too_slow(&self) {
        self.rest.begin();
    }

    async fn ask(&self, picture: DynamicImage) -> Result<Vec<f32>, ModelError> {
        let picture = self.workers.run(move || Ok(png(&picture)?)).await?;
        if let Some(host) = &self.host {
            host.look_up().await.map_err(ModelError::NoHost)?;
        }
        let request = EmbedReq { picture: picture.into(), model: self.model.name.clone().into() };
        let answer = self.client.embed(request).await.map_err(|error| self.failure(error.into()))?;
        check(answer.base).map_err(|error| self.failure(error))?;
        if answer.model != *self.model.name {
            let (expected, actual) = (self.model.name.clone(), answer.model.to_string());
            return Err(ModelError::Name { expected, actual });
        }
        Ok(from_bytes(&answer.vector)?)
    }

    fn failure(&self, error: CallError) -> ModelError {
        match error {
            CallError::Timeout => ModelError::Timeout(self.limit),
            CallError::Unavailable(_) => ModelError::Unreachable(error),
            CallError::Refused(_) | CallError::Answer { .. } | CallError::Fault(_) => {
                ModelError::Refused(error)
            }
        }
    }
}

/// PNG loses nothing and every library reads it.
fn png(picture: &DynamicImage) -> Result<Vec<u8>, image::ImageError> {
    let mut file = Cursor::new(Vec::new());
    DynamicImage::from(picture.to_rgb8()).write_to(&mut file, ImageFormat::Png)?;
    Ok(file.into_inner())
}

impl Host {
    /// Names move. A number is no question to anybody.
    async fn look_up(&self) -> io::Result<()> {
        let found: BTreeSet<_> =
            lookup_host((self.name.as_str(), self.port)).await?.take(ADDRESSES_MAX).collect();
        let (gone, new) = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let changes = (&*known - &found, &found - &*known);
            *known = found;
            changes
        };
        let instance = |address| Instance::new(EMBEDDING, address);
        for address in new {
            self.registry.register(instance(address)).await.map_err(io::Error::other)?;
        }
        for address in gone {
            self.registry.deregister(&instance(address)).await.map_err(io::Error::other)?;
        }
        Ok(())
    }
}
