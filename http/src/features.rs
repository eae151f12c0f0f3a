//! What an operator can switch off while the site runs, for a while or for good.

use fanone_base::Code;
use fanone_config::Features;
use http::Method;

use crate::refusal::Refusal;

/// Refuses a request that begins something which is switched off; what was begun before goes on.
pub(crate) fn check(features: &Features, method: &Method, path: &str) -> Result<(), Refusal> {
    let (is_on, what) = match path {
        "/user/register" => (features.registration, "registration is switched off"),
        "/video/publish" => (features.upload, "uploading is switched off"),
        "/upload" if method == Method::POST => (features.upload, "uploading is switched off"),
        "/comment/publish" => (features.comment, "commenting is switched off"),
        "/ws" => (features.chat, "the chat is switched off"),
        "/image/search" | "/user/image/search" => {
            (features.image_search, "the search by picture is switched off")
        }
        _ => return Ok(()),
    };
    if is_on { Ok(()) } else { Err(Refusal::with(Code::Unavailable, what)) }
}
