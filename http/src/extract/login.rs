//! `Login`: the caller is a user, proven by an access token. An expired one is renewed with the refresh token, if the
//! client sent that too; the answer then carries `New-Access-Token`.

use std::time::Duration;

use bytes::Bytes;
use fanone_base::{Code, Id};
use fanone_identity::{TokenError, UserClaims};
use http::{HeaderMap, HeaderValue, header, request::Parts};
use tokio::time::Instant;
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
#[derive(Clone)]
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
        let scope = Scope::of(cx)?;
        let token = access_token(&parts.headers).ok_or(Refusal::of(Code::NotLoggedIn))?;
        let access = match &scope.access {
            Some(access) => access.clone(),
            None => authenticate(&scope.app, token, refresh_token(&parts.headers)).await?,
        };
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
    let answer = calls::answer(app.services.user.renew_access(request)).await?;
    let token = calls::present(answer.access_token)?;
    match app.verifier.verify(&token) {
        Ok(claims) => Ok(Access { claims, token, renewed: true }),
        Err(error) => Err(Refusal::fault(&error)),
    }
}

/// From now on the session's access tokens are worth nothing, on any front. They would expire by themselves a little
/// later.
///
/// While the cache server is away only this front knows. The others go on taking such a token, for as long as it says
/// at most, until the server is back and is told again: see `outage`.
pub(crate) async fn revoke(app: &App, session: Id) {
    let lifetime = app.settings.identity.access_ttl();
    app.revoked.insert(session, Instant::now() + lifetime);
    tell(app, session, lifetime).await;
}

/// Tells the cache once more what this front has revoked.
pub(crate) async fn revoke_again(app: &App) {
    for (session, end) in &app.revoked {
        tell(app, *session, end.saturating_duration_since(Instant::now())).await;
    }
}

async fn tell(app: &App, session: Id, lifetime: Duration) {
    if let Err(error) = app.cache.set(&revoked_key(session), Bytes::from_static(b"1"), lifetime).await {
        tracing::warn!(%error, "other fronts take an access token until it expires");
    }
}

async fn is_revoked(app: &App, session: Id) -> bool {
    // Better a token that lasts as long as it says than a site that is closed without its cache.
    app.revoked.contains_key(&session)
        || app.cache.get(&revoked_key(session)).await.is_ok_and(|mark| mark.is_some())
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
    use http::Method;

    use super::*;
    use crate::testing::{Front, front};

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

    const KIND: [(&str, &str); 1] = [("content-type", "application/x-www-form-urlencoded")];

    /// The code of the answer to a request that needs a login: it looks at the login before the (wrong) form.
    async fn asked(front: &Front, method: Method, target: &str, token: &str) -> i64 {
        let headers = [KIND[0], ("access-token", token)];
        front.ask(method, target, &headers, "x=1").await.2["base"]["code"].as_i64().unwrap()
    }

    #[tokio::test]
    async fn a_session_that_ends_on_one_front_ends_on_the_other_at_once() {
        let front = front(&[]);
        let other = front.beside();
        let tokens = front.keys.user_tokens(Duration::from_secs(60), Duration::from_secs(60)).unwrap();
        let [ended, open] = [8, 9].map(|session| tokens.access(Id(7), Id(session)).unwrap());
        revoke(&front.app, Id(8)).await;
        for front in [&front, &other] {
            let (change, read) = ((Method::POST, "/like/action"), (Method::GET, "/group/members"));
            for (method, target) in [change, read] {
                let code = |token| asked(front, method.clone(), target, token);
                assert_eq!(code(&ended).await, i64::from(Code::NotLoggedIn.number()), "{target}");
                assert_eq!(code(&open).await, i64::from(Code::Parameter.number()), "{target}");
            }
        }
    }

    #[tokio::test]
    async fn what_the_cache_has_lost_it_is_told_again() {
        let front = front(&[]);
        let other = front.beside();
        revoke(&front.app, Id(8)).await;
        front.app.cache.remove(&[&revoked_key(Id(8))]).await.unwrap();
        assert!(is_revoked(&front.app, Id(8)).await, "the front that ended it knows by itself");
        assert!(!is_revoked(&other.app, Id(8)).await);
        revoke_again(&front.app).await;
        assert!(is_revoked(&other.app, Id(8)).await);
    }
}
