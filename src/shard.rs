//! `fanone shard move`: brings a part of a service's rows into another database.

use std::{
    cell::RefCell,
    ops::{ControlFlow, RangeInclusive},
    sync::Mutex,
};

use anyhow::{Context, bail};
use fanone_config::{Buckets, Database, DatabaseUrl, Role, Settings, ShardPlace, Url};
use fanone_store::moving::{self, Moved, Phase, Plan, Progress};
use indicatif::{ProgressBar, ProgressStyle};

use crate::outside;

/// What can be done to shards.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Move a range of buckets to another database, while the site is stopped
    ///
    /// Stop every process of the site first. The settings in force must name the databases where the rows are now; the
    /// target is one of them, or another one, which is made ready (an SQLite file is made; on a server the database must
    /// exist, and the user of the URL must be allowed to create tables).
    ///
    /// The rows are copied, compared on both sides, and only then deleted where they were. The move may be broken off at
    /// any point, also by kill -9 or a power cut: until it is finished the site refuses to start, and the same command goes
    /// on where it ended. Before the rows are handed over, a move back (--to with the old URL) gives it up.
    ///
    /// At the end it prints what `<ROLE>.database` must be from now on; with the old settings the site refuses to start.
    Move(Move),
}

/// What `fanone shard move` takes.
#[derive(clap::Args)]
pub(crate) struct Move {
    /// Whose rows: user, video, interaction or social
    #[arg(value_parser = role)]
    role: Role,
    /// The first and the last bucket, such as 512-1023
    #[arg(value_name = "FIRST-LAST", value_parser = range)]
    buckets: RangeInclusive<u16>,
    /// Where they go: sqlite:PATH, mysql://USER:PASSWORD@HOST[:PORT]/DATABASE, or a number: the place of a shard in the
    /// settings, from 1 (a new one may be put there with buckets = "")
    #[arg(long, value_name = "URL")]
    to: Url,
}

/// Does what the command line says.
pub(crate) async fn run(settings: &Settings, command: Command) -> anyhow::Result<()> {
    let Command::Move(Move { role, buckets, to }) = command;
    let (Some(database), Some(migrations)) = (settings.database(role), outside::schema(role)) else {
        bail!("{role} has no database");
    };
    let to = target(&to, database)?;
    let options = outside::options(settings, role, migrations, None);
    let plan =
        Plan { database, options: &options, tables: outside::tables(role), buckets: &buckets, to: &to };
    let shown = Shown::default();
    let moved = moving::run(&plan, &|progress| shown.show(progress)).await;
    shown.clear();
    let moved = moved.with_context(|| format!("the buckets {} of {role}", Buckets(vec![buckets.clone()])))?;
    println!("The buckets {} of {role} are in {to}.", Buckets(vec![buckets]));
    println!("From now on the settings must say (passwords are hidden here; write them as they are):\n");
    println!("[{role}]\ndatabase = {}", written(&moved.database));
    for place in idle(&moved) {
        println!("\n{place} holds nothing any more and has nothing to send: it can be left out.");
    }
    Ok(())
}

fn role(text: &str) -> Result<Role, String> {
    match text.parse() {
        Ok(role) if role != Role::Http => Ok(role),
        _ => Err("expected user, video, interaction or social".to_owned()),
    }
}

fn range(text: &str) -> Result<RangeInclusive<u16>, String> {
    match <[_; 1]>::try_from(Buckets::parse(text)?.0) {
        Ok([range]) => Ok(range),
        Err(_ranges) => Err("expected one range, such as 512-1023".to_owned()),
    }
}

/// The database that `--to` names.
fn target(to: &Url, database: &Database) -> anyhow::Result<DatabaseUrl> {
    let Ok(place) = to.parse::<usize>() else {
        return to.parse().with_context(|| format!("--to {to}"));
    };
    let shard = place.checked_sub(1).and_then(|place| database.shards.get(place));
    let url = shard.and_then(|shard| shard.urls.first()).cloned();
    url.with_context(|| format!("--to {place}: the settings have {} shards", database.shards.len()))
}

/// The list of shards as it is written in the settings, passwords hidden.
fn written(database: &Database) -> String {
    let text = |text: String| toml::Value::String(text).to_string();
    let shard = |shard: &ShardPlace| {
        let urls: Vec<String> = shard.urls.iter().map(|url| text(url.to_string())).collect();
        format!("  {{ buckets = {}, urls = [{}] }},\n", text(shard.buckets.to_string()), urls.join(", "))
    };
    format!("[\n{}]", database.shards.iter().map(shard).collect::<String>())
}

fn idle(moved: &Moved) -> impl Iterator<Item = String> {
    let shards = moved.database.shards.iter().zip(&moved.idle);
    shards.filter(|(_, idle)| **idle).map(|(shard, _)| shard.to_string())
}

/// The progress: a bar for the table in work, and a line for each that is done.
#[derive(Default)]
struct Shown(Mutex<RefCell<Option<Bar>>>);

struct Bar {
    of: (Phase, &'static str),
    bar: ProgressBar,
}

impl Shown {
    fn show(&self, progress: Progress) -> ControlFlow<()> {
        match progress {
            Progress::Waiting { place } => {
                say(&format!("{place} was in use a moment ago: waiting whether it still is"));
            }
            Progress::Step { what, buckets, place } => {
                self.clear();
                say(&format!("{buckets}: {what} {place}"));
            }
            Progress::Rows { phase, table, done, total } => self.rows((phase, table), done, total),
        }
        ControlFlow::Continue(())
    }

    fn rows(&self, of: (Phase, &'static str), done: u64, total: u64) {
        let Ok(shown) = self.0.lock() else { return };
        let mut shown = shown.borrow_mut();
        if shown.as_ref().is_none_or(|bar| bar.of != of) {
            *shown = Some(Bar { of, bar: bar(of, total) });
        }
        if let Some(Bar { bar, .. }) = shown.as_ref() {
            bar.set_position(done);
        }
        if done >= total {
            if let Some(Bar { bar, .. }) = shown.take() {
                bar.finish_and_clear();
            }
            say(&format!("  {:8} {:14} {total} rows", word(of.0), of.1));
        }
    }

    fn clear(&self) {
        if let Ok(shown) = self.0.lock()
            && let Some(Bar { bar, .. }) = shown.take()
        {
            bar.finish_and_clear();
        }
    }
}

fn say(line: &str) {
    eprintln!("{line}");
}

fn bar((phase, table): (Phase, &'static str), total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total).with_message(format!("{} {table}", word(phase)));
    if let Ok(style) = ProgressStyle::with_template("{msg:24} [{bar:40}] {pos}/{len}  {elapsed}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

const fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Copy => "copied",
        Phase::Check => "checked",
        Phase::Delete => "deleted",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Of each table that the migrations make and leave, the statement that makes it.
    fn made(role: Role) -> BTreeMap<&'static str, &'static str> {
        let migrations = outside::schema(role).unwrap_or_default();
        let mut made = BTreeMap::new();
        for statement in migrations.iter().flat_map(|migration| migration.statements) {
            let name = |text: &'static str| text.split_whitespace().next().unwrap();
            if let Some(rest) = statement.strip_prefix("CREATE TABLE ") {
                made.insert(name(rest), *statement);
            } else if let Some(rest) = statement.strip_prefix("DROP TABLE ") {
                made.remove(name(rest));
            }
        }
        made
    }

    /// The columns of the primary key.
    fn key(statement: &str) -> Vec<&str> {
        match statement.split_once("PRIMARY KEY (") {
            Some((_, rest)) => rest.split(')').next().unwrap().split(", ").collect(),
            None => {
                let (columns, _) = statement.split_once(" {key}").unwrap();
                vec![columns.rsplit([' ', '(', ',']).next().unwrap()]
            }
        }
    }

    #[test]
    fn every_table_of_every_service_is_moved_by_its_primary_key() {
        for role in Role::ALL {
            let made = made(role);
            let mut listed: Vec<&str> = outside::tables(role).iter().map(|table| table.name).collect();
            listed.sort_unstable();
            assert_eq!(listed, made.keys().copied().collect::<Vec<_>>(), "{role}");
            for table in outside::tables(role) {
                let statement = made[table.name];
                assert_eq!(key(statement), table.key, "{role}: {}", table.name);
                assert!(table.key.contains(&table.bucket), "{role}: {}", table.name);
            }
        }
    }

    #[test]
    fn what_is_printed_can_be_put_into_the_settings_and_tells_no_password() {
        let shard = |buckets: &str, url: &str| ShardPlace {
            buckets: Buckets::parse(buckets).unwrap(),
            urls: vec![url.parse().unwrap()],
        };
        let shards = vec![shard("", "sqlite:a \"b\".db"), shard("0-1023", "mysql://me:hunter2@host/d")];
        let text = written(&Database { shards: shards.clone() });
        assert!(!text.contains("hunter2"), "{text}");
        let table: toml::Table = format!("database = {text}").parse().unwrap();
        let read = Database::parse(&table["database"]).unwrap();
        assert_eq!(read.shards[0], shards[0]);
        assert_eq!(read.shards[1].buckets, shards[1].buckets);
    }

    #[test]
    fn a_range_is_one_range() {
        assert_eq!(range("512-1023"), Ok(512..=1023));
        assert_eq!(range("7"), Ok(7..=7));
        assert!(["", "1-2,5-6", "5-2", "0-1024", "a"].iter().all(|text| range(text).is_err()));
    }
}
