//! Every operation while each part in turn is gone, silent or slow, held to the table in `docs/outages.md`.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use fanone_tests::{Site, eventually, eventually_within, relay::Mode, site::SERVICES, world::Form};
use futures::{StreamExt as _, future::join_all, stream};

use crate::{
    cast::{Cast, Outcome},
    table::{Cell, Cells, Documented, documented, shown},
};

/// How long fronts believe that a video or a user exists, and a little more.
const REMEMBERED: Duration = Duration::from_millis(10_500);
/// Patience as an operator would choose it.
const SETTINGS: [(&str, &str); 9] = [
    ("calls.rpc_timeout_ms", "2000"),
    ("calls.connect_timeout_ms", "200"),
    ("http.request_timeout_ms", "8000"),
    ("database.acquire_timeout_ms", "1500"),
    ("database.transaction_timeout_ms", "3000"),
    ("cache.timeout_ms", "250"),
    ("vectors.timeout_ms", "1000"),
    ("media.timeout_ms", "2000"),
    ("identity.access_ttl_s", "86400"),
];
/// `http.request_timeout_ms`, and what a busy machine adds.
const DEADLINE: Duration = Duration::from_secs(10);
const MODES: [Mode; 3] = [Mode::Refuse, Mode::Stall, Mode::Slow(Duration::from_millis(5))];
/// People are made by so many at a time.
const AT_ONCE: usize = 3;

/// The parts of a column. That of a service stands for its database too: then it is there, and errs.
fn ways(column: &str) -> Vec<String> {
    if SERVICES.contains(&column) {
        vec![column.to_owned(), format!("{column}.database")]
    } else {
        vec![column.to_owned()]
    }
}

struct Trial {
    column: String,
    way: String,
    mode: Mode,
    cast: Cast,
}

impl Trial {
    async fn prepare(site: &Site, columns: &[&str]) -> Vec<Self> {
        let all = columns.iter().flat_map(|column| {
            ways(column)
                .into_iter()
                .flat_map(move |way| MODES.map(|mode| ((*column).to_owned(), way.clone(), mode)))
        });
        let made = stream::iter(all.collect::<Vec<_>>()).map(async |(column, way, mode)| Self {
            column,
            way,
            mode,
            cast: Cast::make(site).await,
        });
        made.buffered(AT_ONCE).collect().await
    }

    /// What differs from the table.
    async fn run(
        &self,
        site: &Site,
        usual: &BTreeMap<String, Outcome>,
        table: &Documented,
        seen: &mut Cells,
    ) -> Vec<String> {
        site.set_way_to(&self.way, self.mode);
        let answers = self.all(&table.operations).await;
        site.set_way_to(&self.way, Mode::Pass);
        let mut faults = Vec::new();
        for (operation, (outcome, took)) in answers {
            let place = (operation.clone(), self.column.clone());
            let during = format!("{operation} while {} is {:?}", self.way, self.mode);
            let cell = match outcome {
                outcome if usual.get(&operation) == Some(&outcome) => Cell::Usual,
                (503 | 504, 10006 | 0) | (101, 10006) => Cell::Unavailable,
                other => {
                    faults.push(format!("{during} answers {other:?}"));
                    continue;
                }
            };
            if took > DEADLINE {
                faults.push(format!("{during} takes {took:?}"));
            }
            if let Mode::Slow(_) = self.mode {
                if cell != Cell::Usual {
                    faults.push(format!("{during} is unavailable"));
                }
                continue;
            }
            let expected = table.cells.get(&place).copied().unwrap_or(Cell::Usual);
            if !expected.allows(cell) {
                faults.push(format!("{during} is {cell:?}, not {expected:?}"));
            }
            seen.entry(place)
                .and_modify(|before| {
                    if *before != cell {
                        *before = Cell::Remembered;
                    }
                })
                .or_insert(cell);
        }
        faults
    }

    async fn all(&self, operations: &[String]) -> Vec<(String, (Outcome, Duration))> {
        // One connection of a chat answers one thing after the other.
        let (chats, others): (Vec<_>, Vec<_>) =
            operations.iter().cloned().partition(|operation| operation.starts_with("chat "));
        let timed = async |operation: String| {
            let begun = Instant::now();
            let outcome = self.cast.run(&operation).await;
            (operation, (outcome, begun.elapsed()))
        };
        let chats = async {
            let mut answers = Vec::new();
            for operation in chats {
                answers.push(timed(operation).await);
            }
            answers
        };
        let (mut chats, others) = tokio::join!(chats, join_all(others.into_iter().map(timed)));
        chats.extend(others);
        chats
    }
}

/// Tries all parts of `columns`, or those of them that `FANONE_TEST_PARTS` names.
async fn hold_to_the_table(site: &Site, columns: &[&str]) {
    let table = documented();
    let only = std::env::var("FANONE_TEST_PARTS").unwrap_or_default();
    let is_wanted = |column: &&str| only.is_empty() || only.split(',').any(|part| part == *column);
    let columns: Vec<&str> = columns.iter().copied().filter(is_wanted).collect();
    let first = Cast::make(site).await;
    let trials = Trial::prepare(site, &columns).await;
    tokio::time::sleep(REMEMBERED).await;
    eventually("a picture is found", async || match first.run("POST /image/search").await {
        (200, 10000) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    let mut usual = BTreeMap::new();
    for operation in &table.operations {
        let outcome = first.run(operation).await;
        assert!(outcome.0 < 500 && outcome.1 != 10006, "{operation}: {outcome:?}");
        usual.insert(operation.clone(), outcome);
    }
    let (mut faults, mut seen) = (Vec::new(), Cells::new());
    for trial in trials {
        let begun = Instant::now();
        faults.extend(trial.run(site, &usual, &table, &mut seen).await);
        println!("{} {:?}: {:?}", trial.way, trial.mode, begun.elapsed());
        is_well_again(&first, &usual).await;
    }
    let columns: Vec<_> = columns.into_iter().map(str::to_owned).collect();
    let measured = shown(&table.operations, &columns, &seen);
    assert!(faults.is_empty(), "{}\n{}\n{measured}", faults.join("\n"), columns.join(" | "));
}

/// Nothing has to be restarted.
async fn is_well_again(somebody: &Cast, usual: &BTreeMap<String, Outcome>) {
    const SOME: [&str; 7] = [
        "GET /user/info",
        "GET /video/info",
        "GET /media (file of a video)",
        "GET /like/list",
        "GET /friends/list",
        "POST /relation/action",
        "POST /comment/publish (video)",
    ];
    eventually_within(Duration::from_secs(30), "all is well again", async || {
        for operation in SOME {
            let outcome = somebody.run(operation).await;
            if usual.get(operation) != Some(&outcome) {
                return Err(format!("{operation}: {outcome:?}"));
            }
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn every_operation_answers_in_time_what_the_table_says() {
    if Form::of_run() != Form::Five {
        return;
    }
    let mut site = Site::prepared(&SETTINGS).await;
    if site.namespace().is_some() {
        return;
    }
    site.lay_relays();
    site.launch().await;
    let outside = ["redis", "media", "milvus"];
    hold_to_the_table(&site, &[&SERVICES[..], &outside].concat()).await;
}

#[tokio::test]
async fn nobody_notices_that_nacos_is_away() {
    if Form::of_run() != Form::Five {
        return;
    }
    let mut site = Site::prepared(&SETTINGS).await;
    if site.namespace().is_none() {
        return;
    }
    site.launch().await;
    hold_to_the_table(&site, &["nacos"]).await;
}
