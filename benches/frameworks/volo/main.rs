//! One hop in volo: `hop-volo service ADDRESS` and `hop-volo front ADDRESS SERVICE`.

mod front;
mod service;

use std::net::SocketAddr;

use clap::Parser;

#[expect(warnings, clippy::all, reason = "generated from hop.thrift")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/hop_gen.rs"));
}

/// As the site does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
enum Role {
    Service { address: SocketAddr },
    Front { address: SocketAddr, service: SocketAddr },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Role::parse() {
        Role::Service { address } => service::run(address).await,
        Role::Front { address, service } => front::run(address, service).await,
    }
}
