//! The API document: what stands at the handlers and objects, and what holds for every operation alike.

use fanone_base::Code;
use serde_json::{Map, Value, json};
use utoipa::{OpenApi, ToSchema};

use crate::routes::Documented;

const INTRODUCTION: &str = "\
A video site: sign up, upload, watch, like, comment, follow, chat.

**Answers.** Every answer is `{\"base\":{\"code\":…,\"msg\":…},\"data\":…}`; `data` is there only on success. The HTTP \
status is 200 for success and for every refusal that is about the request's content; `base.code` tells them apart. \
Requests that can't be served at all have a real status (400, 404, 405, 408, 413, 415, 429, 500, 503, 504) and the same \
envelope.

**Ids** are strings of digits, in and out. **Times** in answers are `YYYY-MM-DD hh:mm:ss` in the site's zone; times in \
requests are Unix milliseconds. **Pages** count from 0.

**Bodies.** Forms may be sent as `multipart/form-data`, `application/x-www-form-urlencoded` or `application/json`; files \
only as multipart. DELETE also takes its fields from the query. A trailing slash makes no difference.

**Login.** Send the tokens of `/user/login` in `Access-Token` and `Refresh-Token` (or the access token in \
`Authorization: Bearer`). When the access token has expired and the refresh token has not, the request goes through and \
the answer carries `New-Access-Token`.";

/// The page, from 0.
#[derive(ToSchema)]
#[schema(minimum = 0, maximum = 100_000, default = 0, example = 0)]
#[expect(dead_code, reason = "for the API document")]
pub(crate) struct PageNum(i32);

/// Rows on a page.
#[derive(ToSchema)]
#[schema(minimum = 1, maximum = 100, default = 10, example = 10)]
#[expect(dead_code, reason = "for the API document")]
pub(crate) struct PageSize(i32);

/// A picture.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the API document")]
pub(crate) struct PictureForm {
    /// JPEG, PNG, WebP or GIF, at most 5 MiB and 8192 pixels a side.
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    data: String,
}

/// The document as JSON text.
pub fn document() -> String {
    let mut document = serde_json::to_value(Documented::openapi()).unwrap_or_default();
    set(&mut document, "info", info());
    set(&mut document, "servers", json!([{ "url": "/" }]));
    if let Some(components) = document.get_mut("components") {
        set(components, "securitySchemes", security_schemes());
        set(components, "responses", refusals());
    }
    let forms = form_names(&document);
    for (path, method, operation) in operations(&mut document) {
        set(operation, "operationId", json!(name_of(path, method)));
        add_encodings(operation);
        describe_bytes(operation);
        add_refusals(path, method, operation);
        describe_parameters(operation);
    }
    for (name, schema) in members(document.pointer_mut("/components/schemas")) {
        describe_properties(schema, forms.contains(name));
    }
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

fn info() -> Value {
    let mut description =
        format!("{INTRODUCTION}\n\n## Codes\n\n| code | name | meaning |\n| --- | --- | --- |\n");
    for code in Code::ALL {
        description += &format!("| {} | {} | {} |\n", code.number(), code.name(), code.meaning().trim());
    }
    json!({
        "title": "FanOne",
        "version": env!("CARGO_PKG_VERSION"),
        "description": description,
        "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
    })
}

fn security_schemes() -> Value {
    json!({
        "access": { "type": "apiKey", "in": "header", "name": "Access-Token" },
        "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
        "refresh": { "type": "apiKey", "in": "header", "name": "Refresh-Token" },
    })
}

/// The answers that many operations can give, by status.
const REFUSALS: &[(&str, &str)] = &[
    ("400", "The request can't be understood"),
    ("401", "Not logged in"),
    ("404", "There is no such thing"),
    ("408", "The body did not arrive in time"),
    ("412", "Another version of tus"),
    ("413", "The body is too large"),
    ("415", "The body has an encoding that is not accepted"),
    ("429", "Too many requests; see `Retry-After`"),
    ("500", "A fault of the site"),
    ("503", "A part of the site is down"),
    ("504", "A part of the site is slow"),
];

fn refusals() -> Value {
    let outcome = json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Outcome" } } });
    let answers = REFUSALS.iter().map(|(status, description)| {
        ((*status).to_owned(), json!({ "description": description, "content": outcome }))
    });
    Value::Object(answers.collect())
}

/// Adds the refusals to an operation: some can come from any, some are about a body, and clients of tus go by the
/// status.
fn add_refusals(path: &str, method: &str, operation: &mut Value) {
    let has_tus = path.starts_with("/upload") && method != "options";
    let has_body = operation.get("requestBody").is_some() || (has_tus && method == "post");
    let applies = |status: &str| match status {
        "400" => has_body || has_tus,
        "408" | "413" | "415" => has_body,
        "401" | "412" => has_tus,
        "404" => has_tus && path.ends_with("/{id}"),
        _ => true,
    };
    for (_, answer) in members(operation.get_mut("responses")) {
        if answer.get("description").is_none() {
            set(answer, "description", json!("`base.code` tells how it went"));
        }
    }
    let Some(Value::Object(answers)) = operation.get_mut("responses") else { return };
    for (status, _) in REFUSALS.iter().filter(|(status, _)| applies(status)) {
        let reference = json!({ "$ref": format!("#/components/responses/{status}") });
        answers.entry((*status).to_owned()).or_insert(reference);
    }
}

/// A form without a file is accepted in two more encodings.
fn add_encodings(operation: &mut Value) {
    let Some(Value::Object(content)) = operation.pointer_mut("/requestBody/content") else { return };
    let Some(form) = content.get("multipart/form-data").cloned() else { return };
    let name = form.pointer("/schema/$ref").and_then(Value::as_str).unwrap_or_default();
    if !FILE_FORMS.iter().any(|file_form| name.ends_with(file_form)) {
        content.insert("application/x-www-form-urlencoded".to_owned(), form.clone());
        content.insert("application/json".to_owned(), form);
    }
}

/// Bodies that are plain bytes. Without this they would be arrays of integers.
fn describe_bytes(operation: &mut Value) {
    describe_bytes_in(operation.pointer_mut("/requestBody/content"));
    for (_, answer) in members(operation.get_mut("responses")) {
        describe_bytes_in(answer.get_mut("content"));
    }
}

fn describe_bytes_in(content: Option<&mut Value>) {
    for (kind, body) in members(content) {
        if ["video/", "image/", "application/offset+"].iter().any(|bytes| kind.starts_with(bytes)) {
            set(body, "schema", json!({ "type": "string", "format": "binary" }));
        }
    }
}

/// The forms that hold a file.
const FILE_FORMS: &[&str] = &["/PictureForm", "/PictureSearch", "/VideoForm"];

/// What is true of every id in a request.
const ID_SENT: &str = "^[1-9][0-9]{0,18}$";
/// What is true of every id in an answer, where one may be empty.
const ID_ANSWERED: &str = "^[0-9]{0,19}$";
const ID_EXAMPLE: &str = "3820119283716608";
const COUNT_EXAMPLE: i64 = 12;

fn describe_parameters(operation: &mut Value) {
    let Some(Value::Array(parameters)) = operation.get_mut("parameters") else { return };
    for parameter in parameters {
        let schema = match parameter.get("name").and_then(Value::as_str) {
            Some("Tus-Resumable") => json!({ "type": "string", "enum": ["1.0.0"] }),
            Some("X-HTTP-Method-Override") => {
                json!({ "type": "string", "enum": ["HEAD", "PATCH", "DELETE"] })
            }
            Some(name) if name == "id" || name.ends_with("_id") => {
                json!({ "type": "string", "pattern": ID_SENT, "example": ID_EXAMPLE })
            }
            _ => continue,
        };
        set(parameter, "schema", schema);
    }
}

fn describe_properties(schema: &mut Value, sent: bool) {
    let pattern = if sent { ID_SENT } else { ID_ANSWERED };
    for (name, property) in members(schema.get_mut("properties")) {
        if name == "id" || name.ends_with("_id") {
            set(property, "pattern", json!(pattern));
            set(property, "example", json!(ID_EXAMPLE));
        } else if name == "total" || name.ends_with("_count") {
            set(property, "example", json!(COUNT_EXAMPLE));
        }
    }
}

/// The names of the schemas that request bodies have.
fn form_names(document: &Value) -> Vec<String> {
    let paths = document.get("paths").and_then(Value::as_object).into_iter().flat_map(Map::values);
    let operations = paths.filter_map(Value::as_object).flat_map(Map::values);
    let bodies = operations.filter_map(|operation| operation.pointer("/requestBody/content")?.as_object());
    let references = bodies.flat_map(Map::values).filter_map(|body| body.pointer("/schema/$ref")?.as_str());
    references.filter_map(|reference| Some(reference.rsplit('/').next()?.to_owned())).collect()
}

/// A name for generated clients: `get_user_info`.
fn name_of(path: &str, method: &str) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    std::iter::once(method).chain(words).collect::<Vec<_>>().join("_")
}

/// Every operation with its path and method.
fn operations(document: &mut Value) -> impl Iterator<Item = (&str, &str, &mut Value)> {
    let paths = members(document.get_mut("paths"));
    paths.flat_map(|(path, item)| {
        members(Some(item)).map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

fn members(value: Option<&mut Value>) -> impl Iterator<Item = (&String, &mut Value)> {
    value.and_then(Value::as_object_mut).into_iter().flat_map(Map::iter_mut)
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(object) = object {
        object.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;
    use crate::routes::OPERATIONS;

    fn parsed() -> Value {
        serde_json::from_str(&document()).unwrap()
    }

    /// Every operation as `METHOD path`.
    fn documented(document: &Value) -> BTreeSet<String> {
        let paths = document["paths"].as_object().unwrap();
        let operations = paths.iter().flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(move |method| format!("{method} {path}"))
        });
        operations.collect()
    }

    #[test]
    fn the_document_has_every_operation_and_no_other() {
        let routed = OPERATIONS.iter().flat_map(|(path, methods)| {
            // A catch-all is a plain parameter to the document.
            let path = path.replace("{*", "{");
            methods.iter().map(move |method| format!("{method} {path}"))
        });
        assert_eq!(documented(&parsed()), routed.collect());
    }

    #[test]
    fn every_operation_says_what_it_does() {
        let document = parsed();
        assert_eq!(document["openapi"], "3.1.0");
        for path in document["paths"].as_object().unwrap().values() {
            for operation in path.as_object().unwrap().values() {
                let id = operation["operationId"].as_str().unwrap();
                assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{id}");
                assert!(operation["responses"]["500"].is_object(), "{id}");
                let mut answers = operation["responses"].as_object().unwrap().iter();
                let (_, good) = answers.find(|(status, _)| status.starts_with(['1', '2'])).unwrap();
                assert!(good["description"].is_string(), "{id}");
            }
        }
    }

    #[test]
    fn every_field_of_an_answer_has_an_example() {
        let document = parsed();
        let forms = form_names(&document);
        let mut without = Vec::new();
        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            let fields = schema["properties"].as_object().into_iter().flatten();
            let plain = fields.filter(|(_, field)| {
                let parts = ["$ref", "items", "properties", "oneOf", "allOf"];
                field["example"].is_null() && parts.iter().all(|part| field.get(part).is_none())
            });
            without
                .extend(plain.filter(|_| !forms.contains(name)).map(|(field, _)| format!("{name}.{field}")));
        }
        // An answer that is nothing but a text.
        assert_eq!(without, ["Envelope_String.data"]);
    }

    #[test]
    fn names_of_operations_are_unique() {
        let document = parsed();
        let paths = document["paths"].as_object().unwrap().values();
        let ids: Vec<_> = paths
            .flat_map(|path| path.as_object().unwrap().values())
            .map(|operation| operation["operationId"].as_str().unwrap().to_owned())
            .collect();
        let different: BTreeSet<_> = ids.iter().collect();
        assert_eq!(different.len(), ids.len(), "{ids:?}");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(object) => object.iter().for_each(|(name, value)| match value {
                    Value::String(text) if name == "$ref" => found.push(text.clone()),
                    value => references(value, found),
                }),
                Value::Array(items) => items.iter().for_each(|item| references(item, found)),
                _ => {}
            }
        }
        let document = parsed();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(!found.is_empty());
        for reference in found {
            assert!(document.pointer(reference.strip_prefix('#').unwrap()).is_some(), "{reference}");
        }
    }

    #[test]
    fn every_code_is_explained() {
        let text = document();
        for code in Code::ALL {
            assert!(text.contains(&format!("| {} | {} |", code.number(), code.name())), "{}", code.name());
        }
    }

    /// `UPDATE_SNAPSHOT=1 cargo test -p fanone-http` writes the file anew.
    #[test]
    fn the_committed_document_is_this_one() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
        if std::env::var_os("UPDATE_SNAPSHOT").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, document()).unwrap();
        }
        let committed: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        assert!(committed == parsed(), "docs/openapi.json is old: run the test with UPDATE_SNAPSHOT=1");
    }
}
