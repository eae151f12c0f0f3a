//! Pages of others on the admin port, for people and for programs.

use serde_json::Value;

type Made = Box<dyn Fn() -> Value + Send + Sync>;
type Written = Box<dyn Fn(&Value) -> String + Send + Sync>;

/// A page that is made at each request: one value, as JSON or as HTML.
pub struct Page {
    path: &'static str,
    about: &'static str,
    value: Made,
    html: Written,
}

impl Page {
    /// A page at `path`; `about` stands beside it in the index. `html` writes a whole page of what `value` gives.
    pub fn new(
        path: &'static str,
        about: &'static str,
        value: impl Fn() -> Value + Send + Sync + 'static,
        html: impl Fn(&Value) -> String + Send + Sync + 'static,
    ) -> Self {
        Self { path, about, value: Box::new(value), html: Box::new(html) }
    }

    pub(super) const fn path(&self) -> &'static str {
        self.path
    }

    pub(super) const fn about(&self) -> &'static str {
        self.about
    }

    pub(super) fn value(&self) -> Value {
        (self.value)()
    }

    pub(super) fn html(&self) -> String {
        (self.html)(&self.value())
    }
}

/// A text as it must be written in HTML.
#[must_use]
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
