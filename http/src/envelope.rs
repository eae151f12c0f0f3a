//! What every answer looks like: `{"base":{"code":…,"msg":…},"data":…}`.

use std::borrow::Cow;

use fanone_base::Code;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;
use volo_http::{body::Body, response::Response, server::IntoResponse};

/// Large enough for a row; a list grows it a few times.
const CAPACITY: usize = 1024;

/// The outcome of an operation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Base {
    /// 10000 is success; see the table of codes.
    #[schema(example = 10000)]
    pub(crate) code: i32,
    /// For people. A parameter error names the field.
    #[schema(value_type = String, example = "success")]
    pub(crate) msg: Cow<'static, str>,
}

/// An answer with its outcome.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Envelope<T> {
    pub(crate) base: Base,
    /// Only on success.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) data: Option<T>,
}

/// An answer without data.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Outcome {
    pub(crate) base: Base,
}

impl Base {
    pub(crate) const SUCCESS: Self =
        Self { code: Code::Success.number(), msg: Cow::Borrowed(Code::Success.message()) };
}

/// Success with data.
#[derive(Debug)]
pub(crate) struct Answer<T>(pub(crate) T);

/// Success without data.
#[derive(Debug)]
pub(crate) struct Done;

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        json(StatusCode::OK, Code::Success, &Envelope { base: Base::SUCCESS, data: Some(self.0) })
    }
}

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        json(StatusCode::OK, Code::Success, &Outcome { base: Base::SUCCESS })
    }
}

/// Failure, in the envelope.
pub(crate) fn failure(status: StatusCode, code: Code, msg: Cow<'static, str>) -> Response {
    json(status, code, &Outcome { base: Base { code: code.number(), msg } })
}

/// A JSON answer. The code goes along for the log.
fn json(status: StatusCode, code: Code, body: &impl Serialize) -> Response {
    let mut bytes = Vec::with_capacity(CAPACITY);
    // Our own objects always have a JSON form; were one to break, half an answer would be worse than none.
    if serde_json::to_writer(&mut bytes, body).is_err() {
        bytes.clear();
    }
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.extensions_mut().insert(code);
    response
}

#[cfg(test)]
mod tests {
    use volo_http::body::BodyConversion;

    use super::*;

    async fn text(response: impl IntoResponse) -> String {
        response.into_response().into_body().into_string().await.unwrap()
    }

    #[tokio::test]
    async fn data_is_there_only_with_success() {
        assert_eq!(text(Answer("x")).await, r#"{"base":{"code":10000,"msg":"success"},"data":"x"}"#);
        assert_eq!(text(Done).await, r#"{"base":{"code":10000,"msg":"success"}}"#);
        let refused = failure(StatusCode::OK, Code::Conflict, "no".into());
        assert_eq!(text(refused).await, r#"{"base":{"code":10004,"msg":"no"}}"#);
    }
}
