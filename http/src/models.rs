//! The model of pictures, and while another one takes over, the one before.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use fanone_telemetry::chain;
use fanone_vectors::{Model, ModelError, to_bytes};
use image::DynamicImage;

/// What the front describes pictures with.
pub struct Models {
    /// All pictures are to be described by this one.
    pub(crate) present: Model,
    /// Pictures may still have been described by this one.
    previous: Option<Model>,
    /// Whether the present one has been seen to have described all pictures; from then on nobody asks the other one.
    has_taken_over: AtomicBool,
    successes: AtomicU64,
}

/// A vector as it travels, with the name of its model; both empty where there is none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Described {
    pub(crate) vector: Bytes,
    pub(crate) model: String,
}

impl Models {
    /// A model, and the one before it.
    pub fn new(present: Model, previous: Option<Model>) -> Self {
        Self { present, previous, has_taken_over: AtomicBool::new(false), successes: AtomicU64::new(0) }
    }

    /// The present model's vector of a picture.
    pub(crate) async fn embed(&self, picture: DynamicImage) -> Result<Vec<f32>, ModelError> {
        let vector = self.present.embed(picture).await?;
        self.successes.fetch_add(1, Ordering::Relaxed);
        Ok(vector)
    }

    /// How many vectors the present model has made.
    pub(crate) fn successes(&self) -> u64 {
        self.successes.load(Ordering::Relaxed)
    }

    /// The vector of a picture that is stored in any case: without a vector it is described later.
    pub(crate) async fn describe(&self, picture: DynamicImage) -> Described {
        match self.embed(picture).await {
            Ok(vector) => Described { vector: wire(&vector), model: self.present.name().to_owned() },
            Err(error) => {
                tracing::warn!(error = chain(&error), "a picture is stored without its vector");
                Described::default()
            }
        }
    }

    /// The model before, if it is to be asked as well.
    pub(crate) fn previous(&self) -> Option<&Model> {
        self.previous.as_ref().filter(|_| !self.has_taken_over.load(Ordering::Relaxed))
    }

    /// Notes whether the present model has described all pictures. Those that a front with another model adds from now on are
    /// described soon; they don't bring the other model back, which knows only them.
    pub(crate) fn note(&self, complete: bool) {
        if complete {
            self.has_taken_over.store(true, Ordering::Relaxed);
        }
    }
}

/// A vector as it travels.
pub(crate) fn wire(vector: &[f32]) -> Bytes {
    to_bytes(vector).into()
}
