//! The model that makes vectors from pictures, opened from `model.url`.

use std::sync::Arc;

use image::DynamicImage;
use tokio::sync::Semaphore;

use crate::{VectorError, descriptor};

/// How many pictures are described at a time: the work is pure computing, and requests need the cores too.
const WORKERS: usize = 2;

/// A model that turns pictures into vectors.
#[derive(Clone, Debug)]
pub enum Model {
    /// The descriptor in this crate.
    Builtin(Builtin),
}

/// The built-in descriptor with its bound on concurrent work.
#[derive(Clone, Debug)]
pub struct Builtin {
    workers: Arc<Semaphore>,
}

impl Model {
    /// The model behind `model.url`: `builtin:`.
    ///
    /// # Errors
    /// [`VectorError::UnknownUrl`].
    pub fn open(url: &str) -> Result<Model, VectorError> {
        match url {
            "builtin:" => Ok(Model::Builtin(Builtin { workers: Arc::new(Semaphore::new(WORKERS)) })),
            _ => Err(VectorError::UnknownUrl {
                setting: "model.url",
                url: url.to_owned(),
                accepted: "builtin:",
            }),
        }
    }

    /// The name stored beside each vector: vectors of different names can't be compared.
    pub fn name(&self) -> &str {
        match self {
            Model::Builtin(_) => descriptor::NAME,
        }
    }

    /// How many numbers its vectors have.
    pub fn dimension(&self) -> usize {
        match self {
            Model::Builtin(_) => descriptor::DIMENSION,
        }
    }

    /// The unit vector of a picture. The picture may be scaled down beforehand to 256 pixels a side or more.
    ///
    /// # Errors
    /// Faults of the model, never something about the picture.
    pub async fn embed(&self, picture: DynamicImage) -> Result<Vec<f32>, VectorError> {
        match self {
            Model::Builtin(builtin) => {
                let permit = Arc::clone(&builtin.workers).acquire_owned().await?;
                let work = move || {
                    let vector = descriptor::describe(&picture);
                    drop(permit); // only here: work that has begun goes on when nobody waits for it any more
                    vector
                };
                tokio::task::spawn_blocking(work).await.map_err(VectorError::Worker)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_url_is_refused_with_the_accepted_forms() {
        let error = Model::open("onnx:model.bin").unwrap_err().to_string();
        assert!(error.contains("model.url") && error.contains("builtin:"), "{error}");
    }

    #[tokio::test]
    async fn the_builtin_model_gives_unit_vectors_of_its_dimension() {
        let model = Model::open("builtin:").unwrap();
        for picture in [DynamicImage::new_rgb8(1, 1), DynamicImage::new_rgba8(300, 20)] {
            let vector = model.embed(picture).await.unwrap();
            assert_eq!(vector.len(), model.dimension());
            let length: f32 = vector.iter().map(|number| number * number).sum();
            assert!((length - 1.0).abs() < 1e-4, "{length}");
        }
    }
}
