//! What every request passes, whatever it asks for: request id, rate limit, time limit, panics, CORS, security
//! headers, one log line, one measurement. One function instead of a stack of middleware: it costs less and is read
//! from top to bottom.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    panic::AssertUnwindSafe,
    time::Duration,
};

use fanone_base::Code;
use fanone_config::{Mode, Role};
use fanone_telemetry::{names, trace};
use futures::FutureExt;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, uri::PathAndQuery};
use metrics::Gauge;
use motore::Service;
use tokio::time::{Instant, timeout_at};
use volo::{FastStr, context::Context, net::Address};
use volo_http::{
    body::Body,
    context::ServerContext,
    request::Request,
    response::Response,
    server::{IntoResponse, Router, route::MatchedPath},
};

use crate::{
    access::Answered,
    cors::Cors,
    extract::{
        Notes, access_token, client_ip,
        login::{Access, authenticate},
    },
    features,
    limits::{self, Limit},
    refusal::Refusal,
    routes,
    state::App,
    unread::Unread,
};

/// The route of a request that no route matches.
const NO_ROUTE: &str = "none";
/// Longer than any request, for those whose duration is not limited as a whole.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// What extractors and handlers know of the request beside its own parts.
#[derive(Clone)]
pub(crate) struct Scope {
    pub(crate) app: App,
    /// The client's address, see [`client_ip`].
    pub(crate) ip: IpAddr,
    /// When the answer must be there; an upload has no such time.
    pub(crate) deadline: Instant,
    /// The caller, where that was looked at ahead.
    pub(crate) access: Option<Access>,
}

impl Scope {
    /// The scope of the request at hand.
    pub(crate) fn of(cx: &ServerContext) -> Result<&Self, Refusal> {
        // It is always there: the gate puts it in before it calls the router.
        cx.extensions().get::<Self>().ok_or(Refusal::of(Code::Internal))
    }
}

/// The way into the site.
pub(crate) struct Gate {
    app: App,
    router: Router,
    cors: Cors,
    active: Gauge,
}

impl Gate {
    pub(crate) fn new(app: App) -> Self {
        let cors = Cors::new(&app.settings.http.allowed_origins);
        let active = metrics::gauge!(names::HTTP_SERVER_ACTIVE_REQUESTS);
        Self { app, router: routes::router(), cors, active }
    }

    /// Answers a request; whatever happens, there is an answer.
    pub(crate) async fn serve(&self, peer: SocketAddr, request: Request) -> Response {
        let started = Instant::now();
        let _active = Counted::new(&self.active);
        let ip = client_ip(peer.ip(), request.headers(), &self.app.settings.http.trusted_proxies);
        let method = request.method().clone();
        let request_id = request_id(request.headers());
        let mut span = trace::of_request(Role::Http.service_name(), self.trusts(peer.ip()), |header| {
            Some(request.headers().get(header)?.to_str().ok()?.to_owned())
        });
        let origin = request.headers().get(header::ORIGIN).cloned();
        let token = access_token(request.headers()).map(FastStr::new);
        let (parts, body) = request.into_parts();
        let (body, unread) = Unread::watch(body);
        let request = Request::from_parts(parts, body);
        let mut cx = ServerContext::new(Address::from(peer));

        let work = self.answer(&mut cx, ip, started, request, token.as_ref());
        let answer = trace::within(span.context(), AssertUnwindSafe(work).catch_unwind()).await;
        let mut response = answer.unwrap_or_else(|_panic| {
            // The panic hook has written where it was.
            tracing::error!(request_id = request_id.to_str().ok(), "a handler panicked");
            Refusal::of(Code::Internal).into_response()
        });

        decorate(response.headers_mut());
        if unread.is_left() {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let notes = cx.extensions_mut().remove::<Notes>().unwrap_or_default();
        let user = notes.user.or_else(|| Some(self.app.verifier.verify(&token?).ok()?.user_id));
        if let Some(token) = notes.new_access {
            response.headers_mut().insert("new-access-token", token);
        }
        if let Some(origin) = origin {
            self.cors.allow(&origin, response.headers_mut());
        }
        let route = cx.extensions().get::<MatchedPath>().map_or(NO_ROUTE, MatchedPath::as_str);
        Answered {
            method: &method,
            route,
            status: response.status(),
            code: response.extensions().get::<Code>().map(|code| code.number()),
            elapsed: started.elapsed(),
            request_id: &request_id,
            user,
            ip,
        }
        .tell(&mut span);
        if let Some(id) = span.context().and_then(|it| HeaderValue::try_from(it.traceparent()).ok()) {
            response.headers_mut().insert("traceresponse", id);
        }
        response.headers_mut().insert("x-request-id", request_id);
        response
    }

    /// Whether the peer may say what is traced: nobody else, or everything could be made to be.
    fn trusts(&self, peer: IpAddr) -> bool {
        let settings = &self.app.settings;
        settings.mode == Mode::Development || settings.http.trusted_proxies.contains(&peer)
    }

    async fn answer(
        &self,
        cx: &mut ServerContext,
        ip: IpAddr,
        started: Instant,
        mut request: Request,
        token: Option<&FastStr>,
    ) -> Response {
        if let Some(response) = self.cors.preflight(&request) {
            return response;
        }
        let count = limits::count(&self.app, Limit::Requests, ip);
        let (counted, access) = futures::join!(count, self.look_ahead(request.method().clone(), token));
        if let Err(refusal) = counted {
            return refusal.into_response();
        }
        drop_trailing_slash(request.uri_mut());
        if let Err(refusal) =
            features::check(&self.app.live.get().features, request.method(), request.uri().path())
        {
            return refusal.into_response();
        }
        let limit = self.app.settings.http.request_timeout();
        let limit = if routes::is_transfer(request.uri().path()) { FOREVER } else { limit };
        let deadline = started + limit;
        cx.extensions_mut().insert(Scope { app: self.app.clone(), ip, deadline, access });
        let work = fanone_call::within(limit, self.router.call(cx, request));
        match timeout_at(deadline, work).await {
            Ok(answer) => answer.unwrap_or_else(|never: Infallible| match never {}),
            Err(_elapsed) => Refusal::too_slow().into_response(),
        }
    }

    /// Who asks for a change, which needs a login nearly always: looked up beside the count, it costs no trip of its own.
    async fn look_ahead(&self, method: Method, token: Option<&FastStr>) -> Option<Access> {
        if method.is_safe() {
            return None;
        }
        // A refusal is found again by those who need the login, and said by them.
        authenticate(&self.app, token?, None).await.ok()
    }
}

/// Something that is counted as long as it is there.
pub(crate) struct Counted(Gauge);

impl Counted {
    pub(crate) fn new(gauge: &Gauge) -> Self {
        gauge.increment(1);
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

/// The client's own id of the request if it is a plain one, or a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    const LENGTH_MAX: usize = 64;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    match headers.get("x-request-id") {
        Some(id) if (1..=LENGTH_MAX).contains(&id.len()) && id.as_bytes().iter().all(plain) => id.clone(),
        _ => {
            let id = format!("{:016x}", rand::random::<u64>());
            HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("none"))
        }
    }
}

/// `/a/b/` is the same operation as `/a/b`.
fn drop_trailing_slash(uri: &mut Uri) {
    let path = uri.path();
    let Some(shorter) = path.strip_suffix('/').filter(|rest| !rest.is_empty()) else { return };
    let target = match uri.query() {
        Some(query) => PathAndQuery::try_from(format!("{shorter}?{query}")),
        None => PathAndQuery::try_from(shorter),
    };
    if let Ok(target) = target {
        *uri = Uri::from(target);
    }
}

/// Headers that keep browsers from guessing types and from leaking addresses.
fn decorate(headers: &mut HeaderMap) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
}

/// The answer to a path that does not exist.
pub(crate) async fn not_found() -> Refusal {
    Refusal::transport(StatusCode::NOT_FOUND, "there is no such path")
}

/// The answer to a method that a path does not have; `OPTIONS` gets the list of those it has.
pub(crate) fn other_method(asked: &Method, allow: HeaderValue) -> Response {
    let mut response = if *asked == Method::OPTIONS {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        response
    } else {
        Refusal::transport(StatusCode::METHOD_NOT_ALLOWED, "this path does not have this method")
            .into_response()
    };
    response.headers_mut().insert(header::ALLOW, allow);
    response
}

#[cfg(test)]
mod tests {
    use fanone_base::Id;

    use super::*;
    use crate::testing::front;

    #[test]
    fn a_trailing_slash_makes_no_difference() {
        let cases = [("/", "/"), ("/a/", "/a"), ("/a/?b=/", "/a?b=/"), ("/a/b", "/a/b"), ("//", "/")];
        for (from, to) in cases {
            let mut uri: Uri = from.parse().unwrap();
            drop_trailing_slash(&mut uri);
            assert_eq!(uri, to, "{from}");
        }
    }

    #[test]
    fn only_a_plain_request_id_is_taken_over() {
        let with = |id: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-request-id", id.parse().unwrap());
            request_id(&headers)
        };
        assert_eq!(with("abc-1"), "abc-1");
        for id in ["", "a b", "a\"b", &"x".repeat(65)] {
            assert_eq!(with(id).len(), 16, "{id}");
        }
    }

    #[tokio::test]
    async fn what_is_not_there_has_the_envelope_too() {
        let front = front(&[]);
        let (status, headers, body) = front.ask(Method::GET, "/nothing", &[], "").await;
        assert_eq!((status, &body["base"]["code"]), (404, &10003.into()));
        assert!(headers.contains_key("x-request-id"));
        let (status, headers, body) = front.ask(Method::POST, "/video/feed/", &[], "").await;
        assert_eq!((status, &body["base"]["code"]), (405, &10002.into()));
        assert_eq!(headers[header::ALLOW], "GET, HEAD");
        let (status, headers, _) = front.ask(Method::OPTIONS, "/user/login", &[], "").await;
        assert_eq!((status, &headers[header::ALLOW]), (204, &HeaderValue::from_static("POST")));
    }

    #[tokio::test]
    async fn both_slash_forms_are_the_same_operation() {
        let front = front(&[]);
        for target in ["/video/info", "/video/info/"] {
            let (status, _, body) = front.ask(Method::GET, target, &[], "").await;
            assert_eq!((status, body["base"]["msg"].as_str()), (200, Some("video_id: is required")));
        }
    }

    #[tokio::test]
    async fn a_service_that_is_down_is_no_fault_of_the_request() {
        let (status, _, body) = front(&[]).ask(Method::GET, "/video/feed", &[], "").await;
        assert_eq!((status, &body["base"]["code"]), (503, &10006.into()));
    }

    #[tokio::test]
    async fn an_operation_for_users_refuses_everybody_else() {
        let front = front(&[]);
        let kind = [("content-type", "application/x-www-form-urlencoded")];
        let (_, _, body) = front.ask(Method::POST, "/like/action", &kind, "video_id=1&action_type=1").await;
        assert_eq!(body["base"]["code"], 11001);
        let tokens = front.keys.user_tokens(Duration::ZERO, Duration::ZERO).unwrap();
        let expired = tokens.access(Id(7), Id(8)).unwrap();
        let headers = [("access-token", expired.as_str())];
        assert_eq!(front.ask(Method::GET, "/auth/mfa/qrcode", &headers, "").await.2["base"]["code"], 11002);
        let tokens = front.keys.user_tokens(Duration::from_secs(60), Duration::from_secs(60)).unwrap();
        let refresh = tokens.refresh(Id(7), Id(8), 0).unwrap();
        let headers = [("access-token", refresh.as_str())];
        assert_eq!(front.ask(Method::GET, "/auth/mfa/qrcode", &headers, "").await.2["base"]["code"], 11001);
    }

    #[tokio::test]
    async fn a_panic_is_an_answer() {
        let (status, _, body) = front(&[]).ask(Method::GET, "/panics", &[], "").await;
        assert_eq!((status, &body["base"]["code"]), (500, &10001.into()));
    }

    #[tokio::test]
    async fn a_connection_with_an_unread_body_is_given_up() {
        let front = front(&[]);
        let (_, headers, _) = front.ask(Method::POST, "/auth/logout", &[], "x=1").await;
        assert_eq!(headers[header::CONNECTION], "close");
        let kind = [("content-type", "application/x-www-form-urlencoded")];
        let (_, headers, _) = front.ask(Method::POST, "/user/register", &kind, "x=1").await;
        assert!(!headers.contains_key(header::CONNECTION));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_has_its_own_status() {
        let body = Body::from_stream(futures::stream::pending());
        let kind = [("content-type", "application/json")];
        let (status, ..) = front(&[]).ask(Method::POST, "/user/register", &kind, body).await;
        assert_eq!(status, 408);
    }

    #[tokio::test]
    async fn a_flood_is_refused() {
        let front = front(&[("LIMITS__REQUESTS_PER_IP", "2")]);
        for _ in 0..2 {
            assert_eq!(front.ask(Method::GET, "/openapi.json", &[], "").await.0, 200);
        }
        let (status, headers, body) = front.ask(Method::GET, "/openapi.json", &[], "").await;
        assert_eq!((status, &body["base"]["code"]), (429, &10005.into()));
        assert_eq!(headers[header::RETRY_AFTER], "10");
    }

    #[tokio::test]
    async fn the_pages_are_in_the_program() {
        let front = front(&[]);
        for page in ["/", "/web/app.js", "/web/style.css", "/docs", "/docs/", "/docs/swagger-ui-bundle.js"] {
            let (status, headers, _) = front.ask(Method::GET, page, &[], "").await;
            assert_eq!(status, 200, "{page}");
            assert!(headers.contains_key(header::CONTENT_SECURITY_POLICY), "{page}");
        }
        assert_eq!(front.ask(Method::GET, "/docs/../Cargo.toml", &[], "").await.0, 404);
    }
}
