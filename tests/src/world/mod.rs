//! What the site under test is made of: how many processes, and which parts outside of it.

mod bucket;
mod databases;
mod redis;
pub(crate) mod servers;

use std::env;

pub(crate) use bucket::Bucket;
pub use bucket::is_bucket;
pub(crate) use databases::Databases;
pub(crate) use redis::Redis;
pub(crate) use servers::variable as server;

use crate::site::SERVICES;

/// The processes of a site, by `FANONE_TEST_FORM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `one` for everything.
    One,
    /// `five`: one for each role.
    Five,
    /// `ten`: two for each role, and clients who come to the two fronts in turn.
    Ten,
}

impl Form {
    /// That of this test run.
    pub fn of_run() -> Self {
        match env::var("FANONE_TEST_FORM").as_deref() {
            Ok("one") | Err(_) => Self::One,
            Ok("five") => Self::Five,
            Ok("ten") => Self::Ten,
            Ok(other) => panic!("FANONE_TEST_FORM is `one`, `five` or `ten`, not `{other}`"),
        }
    }

    /// The roles of the processes, in the order of their start; none for the whole site.
    pub(crate) fn processes(self) -> Vec<Option<&'static str>> {
        let each = || SERVICES.into_iter().chain(["http"]).map(Some);
        match self {
            Self::One => vec![None],
            Self::Five => each().collect(),
            Self::Ten => each().flat_map(|role| [role, role]).collect(),
        }
    }
}

/// The parts outside of the site, by `FANONE_TEST_WORLD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// `embedded`: SQLite files, and a cache in the process.
    Embedded,
    /// `real`: a MariaDB with a database for each service, and a Redis.
    Real,
    /// `shards`: the same with two databases for each service.
    Shards,
}

impl World {
    /// That of this test run.
    pub fn of_run() -> Self {
        match env::var("FANONE_TEST_WORLD").as_deref() {
            Ok("embedded") | Err(_) => Self::Embedded,
            Ok("real") => Self::Real,
            Ok("shards") => Self::Shards,
            Ok(other) => panic!("FANONE_TEST_WORLD is `embedded`, `real` or `shards`, not `{other}`"),
        }
    }

    /// Databases of each service on a server.
    pub(crate) fn shards(self) -> usize {
        match self {
            Self::Embedded => 0,
            Self::Real => 1,
            Self::Shards => 2,
        }
    }
}
