//! One HTTP answer, and what a test expects of it.

use bytes::Bytes;
use fanone_base::Code;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// The codes that say "there is no such thing".
pub const NOT_FOUND: [Code; 6] = [
    Code::NotFound,
    Code::UserNotFound,
    Code::VideoNotFound,
    Code::UploadNotFound,
    Code::CommentNotFound,
    Code::GroupNotFound,
];

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What was asked, for messages.
    pub request: String,
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The value of a header; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// `base.code`, after a check that the envelope is whole.
    #[track_caller]
    pub fn code(&self) -> i64 {
        let body = self.json();
        let kind = self.header("content-type");
        assert!(kind.starts_with("application/json"), "{}: content type `{kind}`", self.shown());
        assert!(body.pointer("/base/msg").is_some_and(Value::is_string), "{}: no base.msg", self.shown());
        let code = body.pointer("/base/code").and_then(Value::as_i64);
        let code = code.unwrap_or_else(|| panic!("{}: no base.code", self.shown()));
        let known = Code::ALL.iter().any(|known| i64::from(known.number()) == code);
        assert!(known, "{}: a code outside of the table", self.shown());
        code
    }

    /// `base.msg`.
    pub fn message(&self) -> String {
        self.json().pointer("/base/msg").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// Whether the operation succeeded.
    pub fn is_success(&self) -> bool {
        self.status == 200 && self.code() == 10000
    }

    /// The `data` of a success; null if it has none.
    #[track_caller]
    pub fn success(&self) -> Value {
        assert_eq!((self.status, self.code()), (200, 10000), "{}", self.shown());
        self.json().get("data").cloned().unwrap_or_default()
    }

    /// What an image search has found, of which "nothing" is a failure.
    #[track_caller]
    pub fn pictures(&self) -> Vec<Value> {
        if self.code() == i64::from(Code::NoPictureFound.number()) {
            Vec::new()
        } else {
            self.success().items()
        }
    }

    /// A business failure: status 200, `code`, no data. The message.
    #[track_caller]
    pub fn refused(&self, code: Code) -> String {
        self.rejected(200, code)
    }

    /// A failure at an HTTP status of its own.
    #[track_caller]
    pub fn rejected(&self, status: u16, code: Code) -> String {
        assert_eq!((self.status, self.code()), (status, i64::from(code.number())), "{}", self.shown());
        assert_eq!(self.json().get("data"), None, "{}: data beside a failure", self.shown());
        self.message()
    }

    /// A failure at a real HTTP status, in the envelope, whatever its code.
    #[track_caller]
    pub fn rejected_at(&self, status: u16) {
        assert_eq!(self.status, status, "{}", self.shown());
        assert_ne!(self.code(), 10000, "{}", self.shown());
    }

    /// As [`Answer::rejected_at`], where more than one status is right.
    #[track_caller]
    pub fn rejected_at_one_of(&self, statuses: &[u16]) {
        assert!(statuses.contains(&self.status), "{}", self.shown());
        assert_ne!(self.code(), 10000, "{}", self.shown());
    }

    /// A parameter error whose message names the field. Where the request could not even be parsed, its status is 400.
    #[track_caller]
    pub fn names_field(&self, field: &str) {
        assert!(matches!(self.status, 200 | 400), "{}", self.shown());
        assert_eq!(self.code(), i64::from(Code::Parameter.number()), "{}", self.shown());
        assert!(self.message().contains(field), "{}: does not name `{field}`", self.shown());
    }

    /// One of the "not found" codes.
    #[track_caller]
    pub fn not_found(&self) {
        let code = self.code();
        let is_one = NOT_FOUND.iter().any(|known| i64::from(known.number()) == code);
        assert!(is_one, "{}: not a \"not found\"", self.shown());
    }

    /// The request and the answer, short enough for a message.
    pub fn shown(&self) -> String {
        let body: String = self.text().chars().take(600).collect();
        format!("{} answered {} {body}", self.request, self.status)
    }
}

/// Short ways into a JSON object; each ends the test when the field is not there or of another type.
pub trait Json {
    /// A string field.
    fn text(&self, field: &str) -> String;
    /// An integer field.
    fn count(&self, field: &str) -> i64;
    /// The objects in field `items`.
    fn items(&self) -> Vec<Value>;
    /// One string field of each of the `items`.
    fn texts(&self, field: &str) -> Vec<String> {
        self.items().iter().map(|item| item.text(field)).collect()
    }
}

impl Json for Value {
    #[track_caller]
    fn text(&self, field: &str) -> String {
        let found = self.get(field).and_then(Value::as_str);
        found.unwrap_or_else(|| panic!("no text `{field}` in {self}")).to_owned()
    }

    #[track_caller]
    fn count(&self, field: &str) -> i64 {
        let found = self.get(field).and_then(Value::as_i64);
        found.unwrap_or_else(|| panic!("no integer `{field}` in {self}"))
    }

    #[track_caller]
    fn items(&self) -> Vec<Value> {
        let found = self.get("items").and_then(Value::as_array);
        found.unwrap_or_else(|| panic!("no list `items` in {self}")).clone()
    }
}
