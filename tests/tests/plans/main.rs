//! Every statement has its index: the site does everything it can on a MariaDB with the tables of a large site, and the
//! server's own log says how each statement was carried out (with the values that it had: the log is of what was run, not
//! of what EXPLAIN thinks of a copy).
//!
//! `statements.txt` lists, for each function that makes statements, their shapes and the indexes they were answered from.
//! `UPDATE_SNAPSHOT=1` writes it anew; a statement that is new there is put below its function by hand.
//!
//! What this sees: each shape of a statement that any function of the stores has sent, at the start, for a request or from
//! a scheduled job; a function that was not run, or that has more places that send something than shapes listed for it. What it
//! does not see: a shape that one place sends under a condition that never came to be here, and what `fanone migrate` and
//! `fanone shard move` send while nobody waits for it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panic"
)]

mod drive;
mod fill;
mod log;
mod rules;
mod sources;
mod statements;

use std::time::Duration;

use fanone_tests::{Mariadb, Signal, Site, eventually_within, mariadb, site::SERVICES};

use crate::{drive::Drive, fill::World};

/// Of each service.
const SHARDS: u16 = 2;

/// What only a race, a token that has expired, a move of buckets, a vector database or `fanone reindex` makes the code send.
const RARE: [(&str, &str); 5] = [
    (
        "video_0",
        "SELECT `videos`.`id`, `videos`.`user_id`, `videos`.`video_key`, `videos`.`cover_key`, `videos`.`title`, \
     `videos`.`description`, `videos`.`visit_count`, `videos`.`like_count`, `videos`.`comment_count`, \
     `videos`.`created_at`, `videos`.`updated_at`, `videos`.`deleted_at` FROM `videos` \
     WHERE `videos`.`video_key` = 'key' LIMIT 1 FOR UPDATE",
    ),
    (
        "user_0",
        "SELECT `session`.`id`, `session`.`user_id`, `session`.`generation`, `session`.`expires_at`, \
     `session`.`revoked_at`, `session`.`created_at` FROM `session` WHERE `session`.`id` = 5 LIMIT 1",
    ),
    ("user_0", "SELECT 1 FROM outbox WHERE destination = 'index' LIMIT 1"),
    ("user_0", "SELECT COUNT(`picture`.`id`) AS `pictures` FROM `picture`"),
    ("user_0", "DELETE FROM inbox_moved WHERE source = 'video/1' AND number <= 5"),
];

#[tokio::test]
async fn every_statement_is_answered_from_an_index() {
    let server = Mariadb::start().await;
    let databases = SERVICES.map(|service| {
        let shards = (0..SHARDS).map(|shard| server.create_database(&format!("{service}_{shard}")));
        let shards: Vec<_> = shards.map(|url| format!("{{ urls = [\"{url}\"] }}")).collect();
        (format!("{service}.database"), format!("[{}]", shards.join(", ")))
    });
    let settings: Vec<_> = databases.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    server.migrate(&settings);
    let limited = [("limits.enabled", "true"), ("limits.requests_per_ip", "100000")];
    let mut site = Site::with(&[settings.as_slice(), &limited].concat()).await;
    let (star, fan) = (site.user("star").await, site.user("fan").await);
    let world = World::of(&star, &fan);
    // Once more with full tables, for what is asked at the start.
    site.stop(Signal::Terminate).await;
    fill::fill(&server, &world);
    let ran_before = server.log().len();
    site.launch().await;
    Drive { site: &site, world: &world, star: &star, fan: &fan }.everything().await;
    every_job_has_run(&server).await;
    for (database, statement) in RARE {
        server.sql_of_site(database, statement);
    }
    site.stop(Signal::Terminate).await;

    let log = server.log();
    let runs = log::runs_of(mariadb::USER, &log[ran_before..]);
    let statements = statements::collect(&runs);
    statements::hold_to_the_list(&statements);
    rules::hold(&statements);
}

/// Everything that was due has been sent or removed.
async fn every_job_has_run(server: &Mariadb) {
    let due = |service: &str, what: &str| {
        let counts = (0..SHARDS)
            .map(|shard| server.sql(&format!("USE {service}_{shard}; SELECT COUNT(*) FROM {what}")));
        counts.map(|count| count.trim().parse::<u64>().unwrap()).sum::<u64>()
    };
    const NOW: &str = "UNIX_TIMESTAMP() * 1000";
    eventually_within(Duration::from_secs(120), "the jobs do what is due", async || {
        let mut left: Vec<(&str, u64)> = SERVICES
            .iter()
            .map(|service| (*service, due(service, "outbox WHERE destination <> 'fanone.nobody'")))
            .collect();
        left.push(("sessions", due("user", &format!("session WHERE expires_at < {NOW} - 300000"))));
        left.push(("pictures", due("user", "picture WHERE model = 'another model'")));
        left.push(("visits", due("video", &format!("visits WHERE counted_at < {NOW} - 900000"))));
        left.push((
            "uploads",
            due("video", &format!("uploads WHERE created_at < {NOW} - 2 * 86400000 - 300000")),
        ));
        if left.iter().all(|(_, count)| *count == 0) { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
}
