//! The store against a real MariaDB: `scripts/servers up mariadb`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panic")]

#[path = "../common/mod.rs"]
mod common;
mod leases;
mod migrations;
mod moves;
mod outboxes;
mod transactions;
#[path = "../moves/what/mod.rs"]
mod what;

use common::Fresh;

async fn fresh() -> Fresh {
    Fresh::on("FANONE_TEST_MYSQL", "mariadb").await
}
