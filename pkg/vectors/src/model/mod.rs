//! The model that makes vectors from pictures, opened from `model.url`.

mod error;
mod onnx;
mod remote;
mod rest;
mod workers;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use fanone_call::Peer;
use fanone_config::{ModelUrl, RemoteModel};
use fanone_telemetry::{Timings, names};
use image::DynamicImage;
use tokio::time::timeout;

pub use error::{ModelError, OpenError};
use onnx::Onnx;
use remote::Remote;
use workers::Workers;

use crate::{descriptor, index::unit};

static DURATION: Timings<1> = Timings::new(names::MODEL_EMBED_DURATION, ["kind"]);

/// A model that turns pictures into vectors. Cheap to clone.
#[derive(Clone)]
pub struct Model(Arc<Inner>);

struct Inner {
    kind: Kind,
    /// Longest time for one picture.
    limit: Duration,
}

enum Kind {
    Builtin(Workers),
    Onnx(Onnx),
    Remote(Box<Remote>),
}

/// A model that was read from its file, if it has one; of a remote one nothing is known yet but what its URL says.
#[derive(Clone)]
pub struct Prepared(Source);

#[derive(Clone)]
enum Source {
    Builtin,
    Onnx(Onnx),
    Remote(RemoteModel),
}

impl Prepared {
    /// Reads the model that the URL names. It computes for a moment.
    ///
    /// # Errors
    /// [`OpenError`]: a file that is missing, broken, or holds no model of pictures.
    pub fn read(url: &ModelUrl) -> Result<Self, OpenError> {
        Ok(Self(match url {
            ModelUrl::Builtin => Source::Builtin,
            ModelUrl::Onnx(path) => Source::Onnx(Onnx::read(path)?),
            ModelUrl::Remote(remote) => Source::Remote(remote.clone()),
        }))
    }

    /// The model, which takes at most `limit` for a picture. A remote one is called by `peer`, and need not be there yet.
    pub fn open(self, peer: &Peer, limit: Duration) -> Model {
        error::count_from_zero();
        let kind = match self.0 {
            Source::Builtin => Kind::Builtin(Workers::default()),
            Source::Onnx(onnx) => Kind::Onnx(onnx),
            Source::Remote(model) => Kind::Remote(Box::new(Remote::new(model, peer, limit))),
        };
        Model(Arc::new(Inner { kind, limit }))
    }
}

impl Model {
    /// The name stored beside each vector: vectors of different names can't be compared.
    pub fn name(&self) -> &str {
        match &self.0.kind {
            Kind::Builtin(_) => descriptor::NAME,
            Kind::Onnx(onnx) => onnx.name(),
            Kind::Remote(remote) => remote.name(),
        }
    }

    /// How many numbers its vectors have.
    pub fn dimension(&self) -> usize {
        match &self.0.kind {
            Kind::Builtin(_) => descriptor::DIMENSION,
            Kind::Onnx(onnx) => onnx.dimension(),
            Kind::Remote(remote) => remote.dimension(),
        }
    }

    /// The unit vector of a picture. The picture may be scaled down beforehand to 256 pixels a side or more.
    ///
    /// # Errors
    /// Faults of the model, never something about the picture. Each is counted by its reason.
    pub async fn embed(&self, picture: DynamicImage) -> Result<Vec<f32>, ModelError> {
        let begun = Instant::now();
        let work = async {
            let vector = match &self.0.kind {
                Kind::Builtin(workers) => workers.run(move || Ok(descriptor::describe(&picture))).await?,
                Kind::Onnx(onnx) => onnx.embed(picture).await?,
                // On the heap: a call is large, and most models make none.
                Kind::Remote(remote) => Box::pin(remote.embed(picture)).await?,
            };
            Ok(unit(vector, self.dimension())?)
        };
        let result = timeout(self.0.limit, work).await.unwrap_or_else(|_elapsed| {
            if let Kind::Remote(remote) = &self.0.kind {
                remote.is_too_slow();
            }
            Err(ModelError::Timeout(self.0.limit))
        });
        match &result {
            Ok(_) => DURATION.record([self.kind()], begun.elapsed()),
            Err(error) => error.count(),
        }
        result
    }

    fn kind(&self) -> &'static str {
        match &self.0.kind {
            Kind::Builtin(_) => "builtin",
            Kind::Onnx(_) => "onnx",
            Kind::Remote(_) => "remote",
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
