//! Moves the rows of a range of buckets to another database, while the site is stopped. What the move does is written down
//! in the databases (`layout`), so that it can be broken off anywhere and run again.
//!
//! | module | what is in it |
//! | --- | --- |
//! | `step` | what is to be done next |
//! | `side` | one of the databases, opened for the move alone |
//! | `guard` | nobody else uses them |
//! | `transfer` | rows are copied, compared, handed over, deleted |
//! | `numbers` | which batches of counters have taken effect in what is moved |
//! | `rows`, `table` | rows of any table, and how a part of them is named |

mod error;
mod guard;
mod numbers;
mod rows;
mod side;
mod step;
mod table;
mod transfer;

use std::{
    ops::{ControlFlow, RangeInclusive},
    sync::Arc,
};

use fanone_config::{Buckets, Database, DatabaseUrl, ShardPlace};

pub use error::MoveError;
pub use table::Table;

use crate::{
    Options,
    layout::{Layout, State},
    spans::spans,
};
use side::{Make, Side};
use step::{Puzzle, Step};

/// What is to be moved.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    /// Where the rows of the role are now, or were when the move began.
    pub database: &'a Database,
    /// What the role's store is opened with.
    pub options: &'a Options,
    /// Every table of the role.
    pub tables: &'static [Table],
    /// Which buckets.
    pub buckets: &'a RangeInclusive<u16>,
    /// Where they go: a database of the settings, or another one.
    pub to: &'a DatabaseUrl,
}

/// How it ended.
#[derive(Clone, Debug)]
pub struct Moved {
    /// What the settings must say from now on.
    pub database: Database,
    /// Of each of its shards, whether it holds nothing and has nothing to send, so that it can be left out.
    pub idle: Vec<bool>,
}

/// What a move is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Somebody used this database a moment ago; it is seen whether that is still so.
    Waiting {
        /// Which database.
        place: String,
    },
    /// A step begins.
    Step {
        /// Which, for people.
        what: &'static str,
        /// Which buckets.
        buckets: Buckets,
        /// The database it is about.
        place: String,
    },
    /// Rows of a table.
    Rows {
        /// What becomes of them.
        phase: Phase,
        /// The table.
        table: &'static str,
        /// How many are done.
        done: u64,
        /// How many there are.
        total: u64,
    },
}

/// What becomes of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// They are written to the target.
    Copy,
    /// They are compared on both sides.
    Check,
    /// They are deleted where they were.
    Delete,
}

/// Tells the caller what is done, who may say that it is enough.
struct Reporter<'a>(&'a (dyn Fn(Progress) -> ControlFlow<()> + Sync));

impl Reporter<'_> {
    fn tell(&self, progress: Progress) -> Result<(), MoveError> {
        if (self.0)(progress).is_break() { Err(MoveError::BrokenOff) } else { Ok(()) }
    }

    fn rows(&self, phase: Phase, table: &Table, done: u64, total: u64) -> Result<(), MoveError> {
        self.tell(Progress::Rows { phase, table: table.name, done, total })
    }

    fn step(&self, what: &'static str, buckets: &RangeInclusive<u16>, side: &Side) -> Result<(), MoveError> {
        self.tell(Progress::Step { what, buckets: Buckets(vec![buckets.clone()]), place: side.place() })
    }
}

/// Moves the buckets. `progress` is told of each step before it is taken and of rows after they were; when it says
/// `Break`, the move ends there.
///
/// # Errors
///
/// What stands in the way. The same call goes on from there.
pub async fn run(
    plan: &Plan<'_>,
    progress: &(dyn Fn(Progress) -> ControlFlow<()> + Sync),
) -> Result<Moved, MoveError> {
    let reporter = Reporter(progress);
    let mut sides = Vec::new();
    let moved = match open(plan, &mut sides).await {
        Ok(target) => Move { plan, sides: &sides, target, reporter }.run().await,
        Err(error) => Err(error),
    };
    for side in sides {
        side.close().await;
    }
    moved
}

/// Opens the databases of the settings and the target; answers the place of the target among them.
async fn open(plan: &Plan<'_>, sides: &mut Vec<Side>) -> Result<usize, MoveError> {
    let holder: Arc<str> = format!("move/{:016x}", rand::random::<u64>()).into();
    for shard in &plan.database.shards {
        sides.push(Side::open(&shard.urls, Make::No, plan.options, &holder).await?);
    }
    if let Some(place) = plan.database.shards.iter().position(|shard| is_at(shard, plan.to)) {
        return Ok(place);
    }
    let target = Side::open(std::slice::from_ref(plan.to), Make::Yes, plan.options, &holder).await?;
    // Another URL may lead to a database that is open already.
    match sides.iter().position(|side| side.name == target.name) {
        Some(place) => {
            target.close().await;
            Ok(place)
        }
        None => {
            sides.push(target);
            Ok(sides.len() - 1)
        }
    }
}

/// Whether this URL is one of the shard's.
fn is_at(shard: &ShardPlace, url: &DatabaseUrl) -> bool {
    let real = |url: &DatabaseUrl| match url {
        DatabaseUrl::Sqlite(path) => path.canonicalize().ok(),
        DatabaseUrl::Mysql(_) => None,
    };
    let wanted = real(url);
    shard.urls.iter().any(|own| own == url || (wanted.is_some() && real(own) == wanted))
}

struct Move<'a> {
    plan: &'a Plan<'a>,
    sides: &'a [Side],
    target: usize,
    reporter: Reporter<'a>,
}

impl Move<'_> {
    async fn run(&self) -> Result<Moved, MoveError> {
        guard::take(self.sides, &self.reporter).await?;
        self.drop_empty_claim().await?;
        while let Some((buckets, step)) = self.next().await? {
            self.take_step(&buckets, step).await?;
        }
        self.moved().await
    }

    /// The next step, for the first buckets that need one.
    async fn next(&self) -> Result<Option<(RangeInclusive<u16>, Step)>, MoveError> {
        let layouts = self.layouts().await?;
        let states = |bucket: u16| -> Option<Vec<Option<State>>> {
            let wanted = self.plan.buckets.contains(&bucket);
            wanted.then(|| layouts.iter().map(|layout| layout.of(bucket)).collect())
        };
        for (buckets, states) in spans(states) {
            match step::next(&states, self.target) {
                Ok(Step::Done) => {}
                Ok(step) => return Ok(Some((buckets, step))),
                Err(Puzzle::Nobody) => return Err(MoveError::Nobody { buckets: Buckets(vec![buckets]) }),
                Err(Puzzle::Two(one, other)) => {
                    let (one, other) = (self.side(one)?.place(), self.side(other)?.place());
                    return Err(MoveError::Two { buckets: Buckets(vec![buckets]), one, other });
                }
            }
        }
        Ok(None)
    }

    async fn take_step(&self, buckets: &RangeInclusive<u16>, step: Step) -> Result<(), MoveError> {
        let (target, reporter) = (self.side(self.target)?, &self.reporter);
        match step {
            Step::Done => {}
            Step::Begin { from } => {
                let from = self.side(from)?;
                reporter.step("the move begins from", buckets, from)?;
                guard::nothing_on_the_way(buckets, from).await?;
                mark(from, buckets, State::Leaving).await?;
                reporter.step("the move begins to", buckets, target)?;
                mark(target, buckets, State::Arriving).await?;
            }
            Step::Transfer { from } => {
                let from = self.side(from)?;
                guard::nobody_else(&[from, target]).await?;
                for table in self.plan.tables {
                    transfer::copy(table, buckets, (from, target), reporter).await?;
                }
                for table in self.plan.tables {
                    transfer::check(table, buckets, (from, target), reporter).await?;
                }
                guard::nobody_else(&[from, target]).await?;
                reporter.step("all rows are the same; from now on they are in", buckets, target)?;
                transfer::hand_over(buckets, from, target).await?;
            }
            Step::Keep => {
                reporter.step("the rows stay in", buckets, target)?;
                mark(target, buckets, State::Held).await?;
            }
            Step::Discard { at } => {
                let at = self.side(at)?;
                reporter.step("what is left is to be deleted from", buckets, at)?;
                mark(at, buckets, State::Discarded).await?;
            }
            Step::Delete { at } => {
                let at = self.side(at)?;
                for table in self.plan.tables {
                    transfer::delete(table, buckets, at, reporter).await?;
                }
                reporter.step("nothing is left in", buckets, at)?;
                mark(at, buckets, State::Gone).await?;
            }
        }
        Ok(())
    }

    /// A database that was in the settings before it had any rows says that it holds what the settings gave it. Of what
    /// another one holds too that is forgotten, if there really is no row.
    async fn drop_empty_claim(&self) -> Result<(), MoveError> {
        let (target, layouts) = (self.side(self.target)?, self.layouts().await?);
        let holders =
            |bucket: u16| layouts.iter().filter(|layout| layout.of(bucket) == Some(State::Held)).count();
        let Some(claims) = layouts.get(self.target) else { return Ok(()) };
        let twice = |bucket: u16| claims.of(bucket) == Some(State::Held) && holders(bucket) > 1;
        let twice = Buckets::of(twice);
        if twice.0.is_empty() || !side::is_empty(target, self.plan.tables).await? {
            return Ok(());
        }
        for buckets in &twice.0 {
            mark(target, buckets, State::Gone).await?;
        }
        Ok(())
    }

    /// What the settings must say now.
    async fn moved(&self) -> Result<Moved, MoveError> {
        let layouts = self.layouts().await?;
        let owner = |bucket: u16| {
            let states: Vec<_> = layouts.iter().map(|layout| layout.of(bucket)).collect();
            step::owner(&states).ok()
        };
        let (mut shards, mut idle) = (Vec::new(), Vec::new());
        for (place, side) in self.sides.iter().enumerate() {
            let buckets = Buckets::of(|bucket| owner(bucket) == Some(place));
            idle.push(buckets.0.is_empty() && guard::has_sent_all(side).await?);
            shards.push(ShardPlace { buckets, urls: side.urls.clone() });
        }
        Ok(Moved { database: Database { shards }, idle })
    }

    async fn layouts(&self) -> Result<Vec<Layout>, MoveError> {
        let mut layouts = Vec::new();
        for side in self.sides {
            layouts.push(side.layout().await?);
        }
        Ok(layouts)
    }

    fn side(&self, place: usize) -> Result<&Side, MoveError> {
        self.sides.get(place).ok_or(MoveError::BrokenOff)
    }
}

/// Writes down the state of buckets.
async fn mark(side: &Side, buckets: &RangeInclusive<u16>, state: State) -> Result<(), MoveError> {
    let buckets = buckets.clone();
    side.write(move |tx| {
        let buckets = buckets.clone();
        Box::pin(async move {
            let mut layout = Layout::read(tx).await?;
            layout.set(&buckets, Some(state));
            Ok(layout.write(tx).await?)
        })
    })
    .await
}
