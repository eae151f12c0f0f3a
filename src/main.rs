//! The program `fanone`: the whole site, or one role of it.

mod banner;
mod cli;
mod governance;
mod outside;
mod registration;
mod reindex;
mod roles;
mod seed;
mod shard;
mod site;

use std::process::ExitCode;

use clap::Parser;

/// Requests are made of many small allocations; this one does them at two thirds of the price.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::run(cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fanone: {error:#}");
            ExitCode::FAILURE
        }
    }
}
