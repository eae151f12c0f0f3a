//! The steps of a resumable upload (tus 1.0.0).

use bytes::Bytes;
use reqwest::Method;

use crate::{Answer, Client, Request};

impl Client {
    /// Any tus request.
    pub fn tus(&self, method: Method, path: &str) -> Request {
        self.request(method, path).header("tus-resumable", "1.0.0")
    }

    /// Makes an upload of `length` bytes. `metadata` as in the header: `title <base64>,filename <base64>`.
    pub fn tus_create(&self, length: u64, metadata: &str) -> Request {
        let request = self.tus(Method::POST, "/upload/").header("upload-length", &length.to_string());
        request.header("upload-metadata", metadata)
    }

    /// Sends the bytes that follow `offset`.
    pub fn tus_patch(&self, url: &str, offset: u64, bytes: impl Into<Bytes>) -> Request {
        let request = self.tus(Method::PATCH, url).header("upload-offset", &offset.to_string());
        request.body("application/offset+octet-stream", bytes.into())
    }

    /// How many bytes the site has.
    pub async fn tus_offset(&self, url: &str) -> u64 {
        let answer = self.tus(Method::HEAD, url).send().await;
        assert_eq!(answer.status, 200, "{}", answer.shown());
        answer.header("upload-offset").parse().expect("an Upload-Offset")
    }

    /// Takes the upload away.
    pub async fn tus_terminate(&self, url: &str) -> Answer {
        self.tus(Method::DELETE, url).send().await
    }
}

/// The path of the upload that `answer` made; its `Location` may be a whole URL or a path.
pub fn location(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.shown());
    let location = answer.header("location");
    assert!(!location.is_empty(), "{}: no Location", answer.shown());
    location.to_owned()
}
