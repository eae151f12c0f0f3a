//! The rules of calls: followed where the live settings come from, and shown on the admin port.

use std::fmt::Write as _;

use fanone_config::ConfigUrl;
use fanone_governance::Governance;
use fanone_live::{Found, Others, one_line};
use fanone_registry::Registry;
use fanone_telemetry::{
    admin::{Page, escaped},
    logs,
};
use serde_json::{Value, json};

use crate::site::Site;

/// The documents that rule this process.
pub(crate) fn followed(governance: &Governance, services: &[&str], url: &ConfigUrl) -> Others {
    let (governance, url) = (governance.clone(), url.clone());
    Others {
        names: fanone_governance::documents(services),
        lay: Box::new(move |found| lay(&governance, &url, found)),
    }
}

/// Lets a document rule, or says what is wrong with it. What it changes stands in the log.
fn lay(governance: &Governance, url: &ConfigUrl, Found { name, text }: &Found) -> Result<(), String> {
    let applied = governance.apply(name, text).map_err(|refused| refused.to_string())?;
    for warning in &applied.warnings {
        let warning = one_line(warning);
        tracing::warn!(target: logs::SETTINGS, document = %name, warning, "a part of a document has no effect");
    }
    if applied.old != applied.new {
        let (old, new, origin) = (one_line(&applied.old), one_line(&applied.new), url.origin(name, None));
        tracing::info!(target: logs::SETTINGS, document = %name, old, new, %origin, "the rules of calls have changed");
    }
    Ok(())
}

/// `/governance`: rules, breakers and instances.
pub(crate) fn page(site: &Site) -> Page {
    let (governance, registry) = (site.governance.clone(), site.registry.clone());
    let url = site.settings.config.url.clone();
    let value = move || report(&governance, &registry, &url);
    Page::new("/governance", "the rules of calls, breakers and instances", value, html)
}

fn report(governance: &Governance, registry: &Registry, url: &ConfigUrl) -> Value {
    let mut report = serde_json::to_value(governance.report()).unwrap_or_default();
    each_rule(&mut report, |rule| {
        let name = rule["document"].as_str().unwrap_or_default();
        let origin = if rule["is_default"] == json!(true) {
            "default".to_owned()
        } else {
            url.origin(name, None).to_string()
        };
        put(rule, "origin", json!(origin));
    });
    let instances = registry.known().into_iter();
    let instances = instances.map(|(service, address, weight)| {
        json!({"service": service, "address": address.to_string(), "weight": weight})
    });
    put(&mut report, "instances", instances.collect());
    report
}

fn put(object: &mut Value, key: &str, value: Value) {
    object.as_object_mut().and_then(|object| object.insert(key.to_owned(), value));
}

/// Visits the rules of all clients and servers.
fn each_rule(report: &mut Value, mut visit: impl FnMut(&mut Value)) {
    let all = |of: &mut Value, key: &str, visit: &mut dyn FnMut(&mut Value)| {
        of.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten().for_each(visit);
    };
    all(report, "clients", &mut |client| all(client, "rules", &mut visit));
    all(report, "servers", &mut |server| {
        server.get_mut("rules").into_iter().for_each(&mut visit);
    });
}

const HEAD: &str = r#"<!doctype html>
<html lang="en">
<title>FanOne governance</title>
<style>body{font:15px sans-serif;margin:2em}table{border-collapse:collapse;margin:.5em 0 1.5em}
td,th{border:1px solid #ccc;padding:.25em .6em;text-align:left;vertical-align:top}code{white-space:pre-wrap}
.open{background:#fbb}.half-open{background:#fe9}</style>
<h1>Governance</h1>
<p>The same as <a href="/governance?format=json">JSON</a>. <a href="/">All pages</a>
"#;

fn html(report: &Value) -> String {
    let mut page = HEAD.to_owned();
    for client in list(&report["clients"]) {
        let title = format!("{} calls {}", text(&client["client"]), text(&client["server"]));
        page.push_str(&format!("<h2>{}</h2>\n", escaped(&title)));
        rules(&mut page, list(&client["rules"]));
        let breakers = list(&client["breakers"]).iter();
        let rows = breakers.map(|breaker| {
            let cells = ["method", "address", "state", "calls", "failed"].map(|key| text(&breaker[key]));
            (text(&breaker["state"]), cells.to_vec())
        });
        table(&mut page, &["method", "instance", "breaker", "calls in 10 s", "failed"], rows);
        let repeatable: Vec<String> = list(&client["repeatable"]).iter().map(text).collect();
        page.push_str(&format!("<p>Methods that may be repeated: {}\n", escaped(&repeatable.join(", "))));
    }
    for server in list(&report["servers"]) {
        page.push_str(&format!("<h2>{} serves</h2>\n", escaped(&text(&server["server"]))));
        rules(&mut page, std::slice::from_ref(&server["rules"]));
        page.push_str(&format!("<p>Connections: {}\n", escaped(&text(&server["connections"]))));
    }
    page.push_str("<h2>Instances</h2>\n");
    let instances = list(&report["instances"]).iter();
    let rows = instances
        .map(|one| (String::new(), ["service", "address", "weight"].map(|key| text(&one[key])).to_vec()));
    table(&mut page, &["service", "address", "weight"], rows);
    page
}

fn rules(page: &mut String, rules: &[Value]) {
    let rows = rules
        .iter()
        .map(|rule| (String::new(), ["document", "origin", "rules"].map(|key| text(&rule[key])).to_vec()));
    table(page, &["document", "comes from", "rules"], rows);
}

/// Rows with a class each; nothing if there are none.
fn table(page: &mut String, heads: &[&str], rows: impl Iterator<Item = (String, Vec<String>)>) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return;
    }
    let heads: String = heads.iter().map(|head| format!("<th>{head}")).collect();
    let _ = writeln!(page, "<table><tr>{heads}");
    for (class, cells) in rows {
        let cells: String = cells.iter().map(|cell| format!("<td><code>{}</code>", escaped(cell))).collect();
        let _ = writeln!(page, "<tr class=\"{}\">{cells}", escaped(&class));
    }
    page.push_str("</table>\n");
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A text without its quotes, anything else as JSON.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_what_a_document_says_and_runs_nothing_of_it() {
        let folder = "file:rules".parse().unwrap();
        let settings = fanone_config::Settings::load(None, std::iter::empty()).unwrap();
        let governance = Governance::new(&settings.calls);
        let found = |text: &str| Found {
            name: "fanone.http.fanone.user.rpc_timeout".to_owned(),
            text: text.to_owned(),
        };
        let laid = |text| lay(&governance, &folder, &found(text));
        assert!(laid(r#"{"<script>": {"rpc_timeout_ms": 77}}"#).is_ok());
        assert!(laid(r#"{"*": {"rpc_timeout_ms": -1}}"#).is_err());
        let report = report(&governance, &Registry::memory(), &folder);
        let rule = &report["clients"][0]["rules"][0];
        assert_eq!(rule["rules"]["<script>"]["rpc_timeout_ms"], 77);
        assert!(rule["origin"].as_str().unwrap().ends_with("rules/fanone.http.fanone.user.rpc_timeout"));
        assert_eq!(report["clients"][0]["rules"][1]["origin"], "default");
        let html = html(&report);
        assert!(html.contains("rpc_timeout_ms") && html.contains("&lt;script&gt;"), "{html}");
        assert!(!html.contains("<script>"), "{html}");
    }
}
