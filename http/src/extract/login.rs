//! `Login`: the caller is a user, proven by an access token. An expired one is renewed with the refresh token, if the
//! client sent that too; the answer then carries `New-Access-Token`.

use bytes::Bytes;
use fanone_base::{Code, Id};
use fanone_identity::{TokenError, UserClaims};
use http::{HeaderMap, HeaderValue, header, request::Parts};
use volo::{FastStr, context::Context};
use volo_gen::fanone::user::RenewAccessReq;
use volo_http::{context::ServerContext, server::extract::FromContext};

use crate::{calls, gate::Scope, refusal::Refusal, state::App};

/// A caller who is logged in.
#[derive(Clone)]
pub(crate) struct Login {
    pub(crate) user: Id,
    pub(crate) session: Id,
    token: FastStr,
}

impl Login {
    /// Runs `work` so that its calls act for this user.
    pub(crate) async fn acts<F: Future>(&self, work: F) -> F::Output {
        fanone_call::as_user(&self.token, work).await
    }
}

/// What an extractor tells the gate, for the answer's headers and the log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes {
    pub(crate) user: Option<Id>,
    pub(crate) new_access: Option<HeaderValue>,
}

/// A checked access token.
pub(crate) struct Access {
    pub(crate) claims: UserClaims,
    pub(crate) token: FastStr,
    /// Whether the token is not the one that the client sent.
    pub(crate) renewed: bool,
}

impl Access {
    /// The token for the client, if it is a new one.
    pub(crate) fn to_send(&self) -> Option<HeaderValue> {
        self.renewed.then(|| HeaderValue::from_str(&self.token).ok()).flatten()
    }
}

impl FromContext for Login {
    type Rejection = Refusal;

    async fn from_context(cx: &mut ServerContext, parts: &mut Parts) -> Result<Self, Refusal> {
        let app = &Scope::of(cx)?.app;
        let token = access_token(&parts.headers).ok_or(Refusal::of(Code::NotLoggedIn))?;
        let access = authenticate(app, token, refresh_token(&parts.headers)).await?;
        let UserClaims { user_id: user, session, .. } = access.claims;
        cx.extensions_mut().insert(Notes { user: Some(user), new_access: access.to_send() });
        Ok(Self { user, session, token: access.token })
    }
}

/// Checks an access token, and renews it if it has expired and there is a refresh token.
pub(crate) async fn authenticate(app: &App, token: &str, refresh: Option<&str>) -> Result<Access, Refusal> {
    let access = match (app.verifier.verify(token), refresh) {
        (Ok(claims), _) => Access { claims, token: FastStr::new(token), renewed: false },
        (Err(TokenError::Expired), Some(refresh)) => renew(app, refresh).await?,
        (Err(TokenError::Expired), None) => return Err(Refusal::of(Code::AccessExpired)),
        (Err(_), _) => return Err(Refusal::of(Code::NotLoggedIn)),
    };
    if is_revoked(app, access.claims.session).await {
        return Err(Refusal::of(Code::NotLoggedIn));
    }
    Ok(access)
}

async fn renew(app: &App, refresh: &str) -> Result<Access, Refusal> {
    let request = RenewAccessReq { refresh_token: FastStr::new(refresh) };
    let answer = calls::answer(app.write.user.renew_access(request)).await?;
    let token = calls::present(answer.access_token)?;
    match app.verifier.verify(&token) {
        Ok(claims) => Ok(Access { claims, token, renewed: true }),
        Err(error) => Err(Refusal::fault(&error)),
    }
}

/// From now on the session's access tokens are worth nothing. They would expire by themselves a little later.
pub(crate) async fn revoke(app: &App, session: Id) {
    let key = revoked_key(session);
    if let Err(error) =
        app.cache.set(&key, Bytes::from_static(b"1"), app.settings.identity.access_ttl()).await
    {
        tracing::warn!(%error, "an access token can't be revoked before it expires");
    }
}

async fn is_revoked(app: &App, session: Id) -> bool {
    // Without the cache a token lasts as long as it says.
    app.cache.get(&revoked_key(session)).await.is_ok_and(|mark| mark.is_some())
}

fn revoked_key(session: Id) -> String {
    format!("revoked:{session}")
}

/// The access token in `Access-Token`, or in `Authorization: Bearer`.
pub(crate) fn access_token(headers: &HeaderMap) -> Option<&str> {
    if let Some(token) = header_text(headers, "access-token") {
        return Some(token);
    }
    let (scheme, token) = header_text(headers, header::AUTHORIZATION.as_str())?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The refresh token in `Refresh-Token`.
pub(crate) fn refresh_token(headers: &HeaderMap) -> Option<&str> {
    header_text(headers, "refresh-token")
}

fn header_text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(pairs: &[(&'static str, &str)]) -> Option<String> {
        let headers: HeaderMap = pairs
            .iter()
            .map(|(name, value)| (header::HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        access_token(&headers).map(str::to_owned)
    }

    #[test]
    fn the_token_is_found_in_either_header() {
        assert_eq!(token(&[("access-token", "a")]).unwrap(), "a");
        assert_eq!(token(&[("authorization", "bearer  b")]).unwrap(), "b");
        assert_eq!(token(&[("access-token", "a"), ("authorization", "Bearer b")]).unwrap(), "a");
        assert_eq!(token(&[("access-token", ""), ("authorization", "Bearer b")]).unwrap(), "b");
    }

    #[test]
    fn what_is_no_token_is_none() {
        assert_eq!(token(&[]), None);
        assert_eq!(token(&[("authorization", "Basic b")]), None);
        assert_eq!(token(&[("authorization", "b")]), None);
        assert_eq!(token(&[("access-token", " ")]), None);
    }
}
