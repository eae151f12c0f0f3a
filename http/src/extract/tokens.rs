//! `Refresh`: the refresh token of a request, unchecked.

use fanone_base::Code;
use http::request::Parts;
use volo::FastStr;
use volo_http::{context::ServerContext, server::extract::FromContext};

use super::login::refresh_token;
use crate::refusal::Refusal;

/// A refresh token, to be judged by the user service.
pub(crate) struct Refresh(pub(crate) FastStr);

impl FromContext for Refresh {
    type Rejection = Refusal;

    async fn from_context(_cx: &mut ServerContext, parts: &mut Parts) -> Result<Self, Refusal> {
        let token = refresh_token(&parts.headers).ok_or(Refusal::of(Code::RefreshInvalid))?;
        Ok(Self(FastStr::new(token)))
    }
}
