//! One HTTP request, put together field by field.

use bytes::Bytes;
use reqwest::{Method, header::HeaderMap, multipart};
use serde_json::{Map, Value};

use crate::{answer::Answer, client::Client};

/// How the fields of a body are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `multipart/form-data`, the documented one.
    Multipart,
    /// `application/x-www-form-urlencoded`.
    Urlencoded,
    /// `application/json`, every value a string.
    Json,
}

/// A request that is being put together; [`Request::send`] sends it.
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    http: reqwest::Client,
    method: Method,
    url: String,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    encoding: Encoding,
    fields: Vec<(String, String)>,
    files: Vec<File>,
    body: Option<reqwest::Body>,
}

struct File {
    field: String,
    name: String,
    content: reqwest::Body,
    length: u64,
}

impl Request {
    pub(crate) fn new(client: &Client, method: Method, url: String) -> Self {
        let mut request = Self {
            http: client.http(),
            method,
            url,
            query: Vec::new(),
            headers: HeaderMap::new(),
            encoding: Encoding::Multipart,
            fields: Vec::new(),
            files: Vec::new(),
            body: None,
        };
        for (name, token) in [("access-token", &client.access), ("refresh-token", &client.refresh)] {
            if !token.is_empty() {
                request = request.header(name, token);
            }
        }
        request
    }

    /// A field: in the query of GET and HEAD, in the body of the other methods.
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        let is_read = matches!(self.method, Method::GET | Method::HEAD | Method::OPTIONS);
        let fields = if is_read { &mut self.query } else { &mut self.fields };
        fields.push((name.to_owned(), value.to_string()));
        self
    }

    /// A field in the query.
    pub fn query(mut self, name: &str, value: impl ToString) -> Self {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// A page of a list.
    pub fn page(self, num: impl ToString, size: impl ToString) -> Self {
        self.with("page_num", num).with("page_size", size)
    }

    /// A file in field `data`, as a browser sends it.
    pub fn file(self, name: &str, content: impl Into<Bytes>) -> Self {
        let content = content.into();
        let length = content.len() as u64;
        self.stream(name, reqwest::Body::from(content), length)
    }

    /// A file in field `data` that is made while it is sent; `length` in bytes.
    pub fn stream(mut self, name: &str, content: reqwest::Body, length: u64) -> Self {
        self.files.push(File { field: "data".to_owned(), name: name.to_owned(), content, length });
        self
    }

    /// A header, which replaces one of the same name.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().expect("a header value"));
        self
    }

    /// Without a header that the client sends by itself.
    pub fn without_header(mut self, name: &'static str) -> Self {
        self.headers.remove(name);
        self
    }

    /// How the fields are written; multipart if not said.
    pub fn encoded(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// A body of the test's own instead of fields.
    pub fn body(mut self, content_type: &str, body: impl Into<reqwest::Body>) -> Self {
        self.body = Some(body.into());
        self.header("content-type", content_type)
    }

    /// A JSON body of the test's own.
    pub fn json(self, value: &Value) -> Self {
        self.body("application/json", value.to_string())
    }

    /// Sends the request and reads the whole answer.
    pub async fn send(self) -> Answer {
        self.try_send().await.expect("an answer over HTTP")
    }

    /// As [`Request::send`], for a site that may be down.
    ///
    /// # Errors
    ///
    /// The connection was refused or broke.
    pub async fn try_send(self) -> Result<Answer, reqwest::Error> {
        let name = format!("{} {}", self.method, self.url);
        let mut builder = self.http.request(self.method, &self.url).headers(self.headers);
        if !self.query.is_empty() {
            builder = builder.query(&self.query);
        }
        builder = match self.body {
            Some(body) => builder.body(body),
            None if self.fields.is_empty() && self.files.is_empty() => builder,
            None => match self.encoding {
                Encoding::Multipart => builder.multipart(multipart_form(self.fields, self.files)),
                Encoding::Urlencoded => builder.form(&self.fields),
                Encoding::Json => builder.json(&json_object(self.fields)),
            },
        };
        let response = builder.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await?;
        Ok(Answer { request: name, status, headers, body })
    }
}

fn multipart_form(fields: Vec<(String, String)>, files: Vec<File>) -> multipart::Form {
    let form = fields.into_iter().fold(multipart::Form::new(), |form, (name, value)| form.text(name, value));
    files.into_iter().fold(form, |form, file| {
        let part = multipart::Part::stream_with_length(file.content, file.length).file_name(file.name);
        form.part(file.field, part)
    })
}

fn json_object(fields: Vec<(String, String)>) -> Map<String, Value> {
    fields.into_iter().map(|(name, value)| (name, Value::String(value))).collect()
}
