//! What a request asks for: which object, and how much of it.

use std::convert::Infallible;

use fanone_media::{Folder, Key};
use http::{HeaderMap, Method, request::Parts};
use percent_encoding::percent_decode_str;
use volo_http::{context::ServerContext, server::extract::FromContext};

/// A request for a media object.
pub(crate) struct Asked {
    /// `None`: nothing that anybody may read has such a name.
    pub(crate) key: Option<Key>,
    /// Whether only the headers are wanted.
    pub(crate) head_only: bool,
    pub(crate) headers: HeaderMap,
}

impl FromContext for Asked {
    type Rejection = Infallible;

    async fn from_context(_cx: &mut ServerContext, parts: &mut Parts) -> Result<Self, Infallible> {
        Ok(Self {
            key: public_key(parts.uri.path()),
            head_only: parts.method == Method::HEAD,
            headers: parts.headers.clone(),
        })
    }
}

/// The key in a path, if it is one of an object that everybody may read.
fn public_key(path: &str) -> Option<Key> {
    let encoded = path.strip_prefix("/media/")?;
    let decoded = percent_decode_str(encoded).decode_utf8().ok()?;
    let key: Key = decoded.parse().ok()?;
    key.folder().is_some_and(Folder::is_public).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_may_be_percent_encoded() {
        let found = |path: &str| public_key(path).map(|key| key.to_string());
        assert_eq!(found("/media/videos/a.mp4").unwrap(), "videos/a.mp4");
        assert_eq!(found("/media/covers%2Fa%2Ejpg").unwrap(), "covers/a.jpg");
    }

    #[test]
    fn nothing_else_can_be_named() {
        for path in [
            "/media/",
            "/media/videos",
            "/media/uploads/1/00000000000000000000",
            "/media/upl%6fads/1/0",
            "/media/../user.db",
            "/media/videos/..%2f..%2fuser.db",
            "/media//etc/passwd",
            "/media/videos/%00",
            "/media/videos/%ff",
            "/media/videos/%252e",
            "/elsewhere",
        ] {
            assert_eq!(public_key(path), None, "{path}");
        }
    }
}
