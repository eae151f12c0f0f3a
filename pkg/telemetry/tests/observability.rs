//! Holds the table of metrics in `docs/observability.md` to the names in the code. `UPDATE_SNAPSHOT=1`
//! writes it anew.

#![expect(clippy::unwrap_used, reason = "a test fails by panic")]

use std::{env, fmt::Write as _, fs};

use fanone_telemetry::names::{self, Kind};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/observability.md");
const BEGIN: &str = "<!-- metrics -->\n";
const END: &str = "<!-- end of metrics -->";

fn table() -> String {
    let mut table = "| name | kind | what it tells |\n| --- | --- | --- |\n".to_owned();
    for metric in names::ALL {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        writeln!(table, "| `{}` | {kind} | {} |", metric.name, metric.help).unwrap();
    }
    table
}

#[test]
fn every_metric_stands_in_the_document() {
    let document = fs::read_to_string(DOCUMENT).unwrap();
    let (before, rest) = document.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    if env::var_os("UPDATE_SNAPSHOT").is_some() {
        fs::write(DOCUMENT, format!("{before}{BEGIN}{}{END}{after}", table())).unwrap();
        return;
    }
    assert!(
        written == table(),
        "docs/observability.md: UPDATE_SNAPSHOT=1 cargo test -p fanone-telemetry --test observability"
    );
}
