//! The table: each operation on the site, then on its floor, which serves the very same bytes; with real servers also on
//! a second site that stands on them.

use std::path::Path;

use crate::{
    http_client,
    load::{self, Plan},
    operations::{self, Operation},
    process::{Parts, Process},
    report::{self, Figures, Heading, Row},
    world::World,
};

/// Loaded videos, each of an account of its own: so many that asking for one after the other is never served from the
/// rows that are kept for a second.
const VIDEOS: usize = 30_000;
/// Below every tenth video: a page.
const COMMENTS: usize = 20;
/// Connections that like beside a read.
const LIKERS: usize = 8;

/// A site that runs, and what is in it.
struct Site {
    process: Process,
    idle: u64,
    world: World,
}

pub(crate) struct Table<'a> {
    pub(crate) floor: &'a Path,
    pub(crate) folder: &'a Path,
    pub(crate) plan: &'a Plan,
    pub(crate) heading: Heading,
    pub(crate) embedded: Parts,
    pub(crate) real: Option<Parts>,
}

impl Table<'_> {
    /// Measures the operations that `wanted` says, and prints them.
    pub(crate) async fn run(&self, wanted: impl Fn(&str) -> bool) -> anyhow::Result<()> {
        let embedded = self.site(&self.embedded).await?;
        let real = match &self.real {
            Some(parts) => Some(self.site(parts).await?),
            None => None,
        };
        let mut rows = Vec::new();
        for (place, operation) in operations::all(&embedded.world).into_iter().enumerate() {
            if !wanted(operation.name) {
                continue;
            }
            let request = operation.request(0, 0);
            let bytes = http_client::fetch(embedded.process.address(), request).await?;
            let figures = self.figures(&embedded, &operation).await?;
            let real = match &real {
                // The same operation, with the ids of the other site.
                Some(site) => match operations::all(&site.world).get(place) {
                    Some(operation) => Some(self.figures(site, operation).await?),
                    None => None,
                },
                None => None,
            };
            let floor = if operation.reads { Some(self.floor(&operation, &bytes).await?) } else { None };
            let row = Row { name: operation.name, bytes: bytes.len(), floor, embedded: figures, real };
            eprintln!("{}", row.line());
            rows.push(row);
        }
        report::print(&rows, &self.heading, embedded.idle);
        embedded.process.stop().await?;
        match real {
            Some(site) => site.process.stop().await,
            None => Ok(()),
        }
    }

    async fn site(&self, parts: &Parts) -> anyhow::Result<Site> {
        parts.seed(VIDEOS, 1, COMMENTS).await?;
        let process = parts.start().await?;
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        let idle = process.resident_bytes()?;
        let world = World::prepare(process.address(), "bench", self.plan.connections, VIDEOS).await?;
        Ok(Site { process, idle, world })
    }

    async fn figures(&self, site: &Site, operation: &Operation) -> anyhow::Result<Figures> {
        let Site { process, world, .. } = site;
        let alone = load::run(process, self.plan, operation).await?;
        let busy = if operation.reads {
            let like = operations::like(world.tokens.clone(), world.hot());
            let likes = load::steady(process, LIKERS, self.heading.likes, like).await?;
            let busy = load::run(process, self.plan, operation).await?;
            likes.end();
            Some(busy)
        } else {
            None
        };
        Ok(Figures { alone, busy })
    }

    async fn floor(&self, operation: &Operation, body: &[u8]) -> anyhow::Result<load::Measured> {
        let process = Process::start_floor(self.floor, self.folder, body).await?;
        load::run_floor(&process, self.plan, operation).await
    }
}
