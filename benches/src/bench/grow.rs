//! How costs grow with the number of videos: the same operations at each size, every time with their statements.

use anyhow::ensure;

use crate::{
    http_client,
    load::{self, Plan},
    operations,
    process::Parts,
    report::{self, Grown},
    servers::Servers,
    world::World,
};

/// Of an account, about, and below every tenth video: as `fanone seed` has them.
const VIDEOS_OF_EACH: usize = 50;
const COMMENTS: usize = 3;
/// Accounts that are asked about, with all their videos: as many at each size, as many as the smallest has at least, so
/// that the questions are of the same shape in a larger database.
const ACCOUNTS: usize = 20;

/// Loads up to each of `sizes`, restarts the site and measures the operations that `wanted` says.
pub(crate) async fn run(
    parts: &Parts,
    servers: Option<&Servers>,
    plan: &Plan,
    sizes: &[usize],
    wanted: impl Fn(&str) -> bool,
) -> anyhow::Result<()> {
    ensure!(sizes.is_sorted_by(|less, more| less < more), "--grow: the numbers must rise");
    let (mut grown, mut there) = (Vec::new(), 0);
    for size in sizes {
        let more = size - there;
        eprintln!("loading {more} videos");
        parts.seed(more, VIDEOS_OF_EACH, COMMENTS).await?;
        there = *size;
        if let Some(servers) = servers {
            servers.forget_cached().await?;
        }
        let site = parts.start().await?;
        let name = format!("grow-{size}");
        let world = World::prepare_of_accounts(site.address(), &name, plan.connections, ACCOUNTS).await?;
        for operation in operations::growing(&world).into_iter().filter(|one| wanted(one.name)) {
            // Failures of the measurement itself stand in the table.
            if let Err(error) = http_client::fetch(site.address(), operation.request(0, 0)).await {
                eprintln!("{}: {error:#}", operation.name);
            }
            let measured = load::run(&site, plan, &operation).await?;
            let one = Grown { name: operation.name, videos: *size, measured };
            eprintln!("{}", one.line(&one));
            grown.push(one);
        }
        site.stop().await?;
    }
    ensure!(!grown.is_empty(), "no operation has such a name");
    report::print_grown(&grown);
    Ok(())
}
