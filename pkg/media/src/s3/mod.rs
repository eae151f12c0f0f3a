//! A bucket of S3, or of a server that speaks its protocol.
//!
//! What uploads need of it is the conditional write (`If-None-Match: *`): of all who make one object at once, one makes
//! it. Servers that don't know it are refused at the start.

mod http;
mod url;

use std::time::Duration;

use ::http::Method;
use futures::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::prefix::PrefixStore;
use object_store::signer::Signer;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use crate::{Key, MediaError, PictureKind, VideoKind};

use url::BucketUrl;

/// How often a request is sent again, within the time of one.
const RETRIES: usize = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The objects of one site.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    pub(crate) objects: PrefixStore<AmazonS3>,
    name: String,
    server: String,
}

impl Bucket {
    /// Reads the URL; asks nobody. A request takes `timeout` at most, beside the time of its body.
    pub(crate) fn open(url: &str, timeout: Duration) -> Result<Bucket, MediaError> {
        let url = BucketUrl::parse(url).ok_or(MediaError::UnknownUrl)?;
        let mut builder = match &url.credentials {
            Some((key, secret)) => {
                AmazonS3Builder::new().with_access_key_id(key).with_secret_access_key(secret)
            }
            None => AmazonS3Builder::from_env(),
        };
        if let Some(endpoint) = &url.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Some(region) = &url.region {
            builder = builder.with_region(region);
        }
        let objects = builder
            .with_bucket_name(&url.bucket)
            .with_client_options(content_types().with_allow_http(url.is_plain()))
            .with_retry(retries(timeout))
            .with_http_connector(http::Connector { timeout })
            .build()?;
        let server = url.endpoint.unwrap_or_else(|| "AWS".to_owned());
        Ok(Bucket { objects: PrefixStore::new(objects, url.prefix), name: url.bucket, server })
    }

    /// Whether the bucket is there and lets us look for `key`.
    pub(crate) async fn ping(&self, key: &Key) -> Result<(), MediaError> {
        // A list, because what is missing in other requests may be the object.
        let mut found = self.objects.list(Some(&key.path()));
        match found.try_next().await.map_err(MediaError::from) {
            Err(MediaError::Unavailable(said)) if said == "NoSuchBucket" => {
                Err(MediaError::NoBucket { bucket: self.name.clone() })
            }
            Err(MediaError::Unavailable(said)) => {
                Err(MediaError::Unavailable(format!("{}: {said}", self.server)))
            }
            other => other.map(|_| ()),
        }
    }

    /// A URL under which anybody reads the object for as long as it lives.
    pub(crate) async fn signed_url(&self, key: &Key, lives: Duration) -> Result<String, MediaError> {
        Ok(self.objects.signed_url(Method::GET, &key.path(), lives).await?.to_string())
    }
}

fn retries(timeout: Duration) -> RetryConfig {
    let backoff = BackoffConfig { init_backoff: FIRST_PAUSE, max_backoff: LONGEST_PAUSE, base: 2.0 };
    RetryConfig { backoff, max_retries: RETRIES, retry_timeout: timeout }
}

/// Who reads an object from the bucket itself is told what it is.
fn content_types() -> ClientOptions {
    let videos = VideoKind::ALL.map(|kind| (kind.extension(), kind.content_type()));
    let pictures = PictureKind::ALL.map(|kind| (kind.extension(), kind.content_type()));
    videos.into_iter().chain(pictures).fold(ClientOptions::new(), |options, (extension, kind)| {
        options.with_content_type_for_suffix(extension, kind)
    })
}
