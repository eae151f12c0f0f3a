//! How S3 is spoken to: over hyper, with a bound on every wait.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use fanone_telemetry::trace::{self, Kind, Span};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::connect::{Connect, HttpConnector as Tcp};
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
    HttpResponseBody, HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};
use rustls::crypto::ring;
use tokio::time::{Instant, Sleep, sleep, timeout};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// As slow as the body of a request may go.
const SLOWEST_BYTES_PER_S: usize = 64 * 1024;
/// The longest silence inside the body of an answer.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// How long a connection is kept that nobody uses.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// Makes HTTP clients: with TLS, unless the options allow plain HTTP.
#[derive(Debug)]
pub(super) struct Connector {
    /// From the beginning of a request to the head of its answer, beside what its body may take.
    pub(super) timeout: Duration,
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let mut tcp = Tcp::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(self.timeout.min(CONNECT_TIMEOUT)));
        let plain = options.get_config_value(&ClientConfigKey::AllowHttp);
        if plain.is_some_and(|value| value == "true") {
            return Ok(client(tcp, self.timeout));
        }
        let tls = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(ring::default_provider())
            .map_err(|error| object_store::Error::Generic { store: "S3", source: error.into() })?;
        Ok(client(tls.https_only().enable_http1().wrap_connector(tcp), self.timeout))
    }
}

fn client<C>(connector: C, timeout: Duration) -> HttpClient
where
    C: Connect + Clone + std::fmt::Debug + Send + Sync + 'static,
{
    let mut builder = Client::builder(TokioExecutor::new());
    builder.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE_MAX);
    HttpClient::new(Service { client: builder.build(connector), timeout })
}

#[derive(Debug)]
struct Service<C> {
    client: Client<C, HttpRequestBody>,
    timeout: Duration,
}

#[async_trait]
impl<C> HttpService for Service<C>
where
    C: Connect + Clone + std::fmt::Debug + Send + Sync + 'static,
{
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let mut span = trace::child(Kind::Client);
        describe(&mut span, &request);
        let answer = self.answer(request).await;
        match &answer {
            Ok(answer) => span.set("http.response.status_code", i64::from(answer.status().as_u16())),
            Err(_) => span.fail("error"),
        }
        answer
    }
}

impl<C> Service<C>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let sending = Duration::from_secs((request.body().content_length() / SLOWEST_BYTES_PER_S) as u64);
        let answer = timeout(self.timeout + sending, self.client.request(request)).await;
        let answer = answer.map_err(|error| HttpError::new(HttpErrorKind::Timeout, error))?;
        Ok(answer.map_err(failure)?.map(|body| HttpResponseBody::new(Patient::new(body))))
    }
}

/// Says what is asked of S3; neither keys nor signatures.
fn describe(span: &mut Span, request: &HttpRequest) {
    if span.is_recorded() {
        span.rename(format!("S3 {}", request.method()));
        span.set("http.request.method", request.method().as_str().to_owned());
        if let Some(host) = request.uri().host() {
            span.set("server.address", host.to_owned());
        }
    }
}

/// What may have reached the server is asked for again only where that does no harm.
fn failure(error: legacy::Error) -> HttpError {
    let kind = if error.is_connect() { HttpErrorKind::Connect } else { HttpErrorKind::Interrupted };
    match error.source() {
        // Its own words are "client error (Connect)": the cause says more.
        Some(_) => HttpError::new(kind, Failure(error)),
        None => HttpError::new(kind, error),
    }
}

/// A failed request, told by its causes.
#[derive(Debug)]
struct Failure(legacy::Error);

impl std::fmt::Display for Failure {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut cause = self.0.source();
        let mut between = "";
        while let Some(error) = cause {
            write!(out, "{between}{error}")?;
            (between, cause) = (": ", error.source());
        }
        Ok(())
    }
}

impl Error for Failure {}

/// The body of an answer, given up when the server falls silent in it. While nobody asks for more of it, it waits.
struct Patient {
    body: Incoming,
    silence: Pin<Box<Sleep>>,
    waiting: bool,
}

impl Patient {
    fn new(body: Incoming) -> Self {
        Self { body, silence: Box::pin(sleep(SILENCE_MAX)), waiting: false }
    }
}

impl Body for Patient {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.waiting = false;
            let broken = |error| HttpError::new(HttpErrorKind::Interrupted, error);
            return Poll::Ready(frame.map(|frame| frame.map_err(broken)));
        }
        if !self.waiting {
            self.waiting = true;
            self.silence.as_mut().reset(Instant::now() + SILENCE_MAX);
        }
        self.silence.as_mut().poll(cx).map(|()| {
            let silent = std::io::Error::from(std::io::ErrorKind::TimedOut);
            Some(Err(HttpError::new(HttpErrorKind::Timeout, silent)))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
