//! Holds `docs/errors.md` to the table of codes. `UPDATE_SNAPSHOT=1` writes the document anew.

#![expect(clippy::unwrap_used, reason = "a test fails by panic")]

use std::{env, fmt::Write as _, fs, path::Path};

use fanone_base::Code;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");

const INTRODUCTION: &str = r#"# Error codes

Made from `pkg/base/src/code.rs` by `UPDATE_SNAPSHOT=1 cargo test -p fanone-base --test errors`; do not edit it by hand.

Every answer of the API carries `"base": {"code": …, "msg": …}`. The code tells the outcome and never changes its meaning; the
message is for people, and may be more precise than the one below: a parameter error names the field
(`title: is required`).

What is about the content of a request is HTTP 200 with its code. Only these have an HTTP status of their own, with the same
envelope around them:

| HTTP | code | when |
| --- | --- | --- |
| 400, 405, 408, 413, 415 | 10002 | the request cannot be read: its form, its method, its time, its size, its type |
| 404 | 10003 | there is no such path |
| 429 | 10005 | too many requests; `Retry-After` says when to try again, in seconds |
| 500 | 10001 | a fault on our side |
| 503, 504 | 10006 | a part of the site is down, or did not answer in time |

Media files, resumable uploads (tus) and CORS pre-flights use the status of their own standards. Between services the same
numbers travel in `BaseResp.code`; what is refused before a service's logic has seen it (10005, 11001, 11002, 11008) is a
Thrift application exception whose type is the code and whose text begins with it.

| code | name | message | meaning |
| --- | --- | --- | --- |
"#;

fn document() -> String {
    let mut text = INTRODUCTION.to_owned();
    for code in Code::ALL {
        let meaning = code.meaning().trim();
        let (number, name, message) = (code.number(), code.name(), code.message());
        writeln!(text, "| {number} | {name} | {message} | {meaning} |").unwrap();
    }
    text
}

#[test]
fn the_document_is_the_table() {
    let path = Path::new(DOCUMENT);
    if env::var_os("UPDATE_SNAPSHOT").is_some() {
        fs::write(path, document()).unwrap();
    }
    let written = fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == document(),
        "docs/errors.md is not that of the codes: UPDATE_SNAPSHOT=1 cargo test -p fanone-base --test errors"
    );
}
