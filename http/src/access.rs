//! What is told of a request once it is answered: a measurement, a log line, and its span where it is traced.

use std::{net::IpAddr, time::Duration};

use fanone_base::Id;
use fanone_telemetry::{
    Timings, names,
    trace::{self, Span},
};
use http::{HeaderValue, Method, StatusCode};

static REQUESTS: Timings<3> = Timings::new(
    names::HTTP_SERVER_REQUEST_DURATION,
    ["http_request_method", "http_route", "http_response_status_code"],
);

/// An answered request. Its path and its query stay out of it: they may hold anything.
pub(crate) struct Answered<'a> {
    pub(crate) method: &'a Method,
    pub(crate) route: &'a str,
    pub(crate) status: StatusCode,
    /// The number in the envelope.
    pub(crate) code: Option<i32>,
    pub(crate) elapsed: Duration,
    pub(crate) request_id: &'a HeaderValue,
    pub(crate) user: Option<Id>,
    pub(crate) ip: IpAddr,
}

impl Answered<'_> {
    /// Tells it.
    pub(crate) fn tell(&self, span: &mut Span) {
        REQUESTS.record([method_label(self.method), self.route, self.status.as_str()], self.elapsed);
        trace::enter(span.context(), || {
            tracing::info!(
                target: "fanone_http::access",
                method = method_label(self.method),
                route = self.route,
                status = self.status.as_u16(),
                code = self.code,
                duration_ms = self.elapsed.as_secs_f64() * 1000.0,
                request_id = self.request_id.to_str().ok(),
                user_id = self.user.map(|user| user.0),
                ip = %self.ip,
                "request"
            );
        });
        if span.is_recorded() {
            self.describe(span);
        }
    }

    fn describe(&self, span: &mut Span) {
        let method = method_label(self.method);
        span.rename(format!("{method} {}", self.route));
        span.set("http.request.method", method);
        span.set("http.route", self.route.to_owned());
        span.set("http.response.status_code", i64::from(self.status.as_u16()));
        span.set("fanone.request_id", self.request_id.to_str().unwrap_or_default().to_owned());
        if self.status.is_server_error() {
            span.fail("the answer is an error of the server");
        }
    }
}

/// Methods are free text: only the known ones may become a label.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        _ => "_OTHER",
    }
}
