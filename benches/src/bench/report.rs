//! The tables that are printed, in Markdown.

use std::collections::BTreeMap;

use crate::load::Measured;

/// An operation of the table.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// Of the answer.
    pub(crate) bytes: usize,
    pub(crate) floor: Option<Measured>,
    pub(crate) embedded: Figures,
    /// The same site on MariaDB and Redis.
    pub(crate) real: Option<Figures>,
}

/// Of one site.
pub(crate) struct Figures {
    pub(crate) alone: Measured,
    /// The same beside a steady stream of likes.
    pub(crate) busy: Option<Measured>,
}

/// An operation at one number of videos.
pub(crate) struct Grown {
    pub(crate) name: &'static str,
    pub(crate) videos: usize,
    pub(crate) measured: Measured,
}

/// What the table says above its columns.
pub(crate) struct Heading {
    pub(crate) connections: usize,
    pub(crate) likes: u32,
}

impl Row {
    pub(crate) fn line(&self) -> String {
        let Self { name, bytes, floor, embedded: Figures { alone, busy }, .. } = self;
        let floor_rate = or_dash(floor, |floor| format!("{:.0}", floor.rate));
        let floor_cpu = or_dash(floor, |floor| cpu(floor, 0));
        let share = or_dash(floor, |floor| share(alone, floor));
        format!(
            "| {name} | {bytes} | {:.0} | {floor_rate} | {share} | {} | {} | {floor_cpu} | {} | {} |",
            alone.rate,
            or_dash(busy, |busy| format!("{:.0}", busy.rate)),
            cpu(alone, 0),
            statements(&alone.spent.statements),
            times(alone),
        )
    }

    fn real_line(&self) -> Option<String> {
        let Self { name, bytes, floor, embedded, real } = self;
        let Figures { alone, busy } = real.as_ref()?;
        Some(format!(
            "| {name} | {bytes} | {:.0} | {:.0} | {} | {} | {} | {} | {} | {} | {} | {} |",
            alone.rate,
            embedded.alone.rate,
            share(alone, &embedded.alone),
            or_dash(floor, |floor| format!("{:.0}", floor.rate)),
            or_dash(busy, |busy| format!("{:.0}", busy.rate)),
            cpu(alone, 0),
            cpu(alone, 1),
            cpu(alone, 2),
            statements(&alone.spent.statements),
            times(alone),
        ))
    }
}

pub(crate) fn print(rows: &[Row], heading: &Heading, idle: u64) {
    let Heading { connections, likes } = heading;
    println!("{connections} connections; idle memory {:.1} MiB\n", idle as f64 / f64::from(1 << 20));
    columns(&format!(
        "operation | bytes | site/s | floor/s | share | site/s beside {likes} likes/s | site CPU µs | floor CPU µs | \
         statements | p50 ms | p99 ms | failed"
    ));
    rows.iter().for_each(|row| println!("{}", row.line()));
    if rows.iter().any(|row| row.real.is_some()) {
        println!("\nOn MariaDB and Redis, in the same run:\n");
        columns(&format!(
            "operation | bytes | site/s | embedded/s | of embedded | floor/s | site/s beside {likes} likes/s | \
             site CPU µs | mariadbd CPU µs | redis CPU µs | statements | p50 ms | p99 ms | failed"
        ));
        rows.iter().filter_map(Row::real_line).for_each(|line| println!("{line}"));
    }
}

/// One operation after the other, each from the fewest videos to the most.
pub(crate) fn print_grown(grown: &[Grown]) {
    columns(
        "operation | videos | p50 ms | p50, times the first | site CPU µs | mariadbd CPU µs | redis CPU µs | \
         CPU, times the first | statements | failed",
    );
    let mut names: Vec<&str> = Vec::new();
    for Grown { name, .. } in grown {
        if !names.contains(name) {
            names.push(name);
        }
    }
    for name in names {
        let of_this: Vec<&Grown> = grown.iter().filter(|one| one.name == name).collect();
        of_this.iter().filter_map(|one| Some(one.line(of_this.first()?))).for_each(|line| println!("{line}"));
    }
}

impl Grown {
    pub(crate) fn line(&self, first: &Self) -> String {
        let Self { name, videos, measured } = self;
        let all_cpu = |one: &Self| one.measured.spent.cpu_us.iter().sum::<f64>();
        format!(
            "| {name} | {videos} | {:.2} | {:.2} | {} | {} | {} | {:.2} | {} | {} |",
            measured.p50.as_secs_f64() * 1e3,
            measured.p50.as_secs_f64() / first.measured.p50.as_secs_f64(),
            cpu(measured, 0),
            cpu(measured, 1),
            cpu(measured, 2),
            all_cpu(self) / all_cpu(first),
            statements(&measured.spent.statements),
            measured.failed,
        )
    }
}

/// The same figure of several rounds.
pub(crate) struct Spread {
    pub(crate) median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    pub(crate) fn of(figures: impl Iterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.collect();
        figures.sort_by(f64::total_cmp);
        let median = figures.get(figures.len() / 2).copied().unwrap_or_default();
        let (least, most) = (figures.first().copied(), figures.last().copied());
        Self { median, least: least.unwrap_or(median), most: most.unwrap_or(median) }
    }

    /// With so many digits after the point.
    pub(crate) fn text(&self, digits: usize) -> String {
        let Self { median, least, most } = self;
        format!("{median:.digits$} ({least:.digits$}–{most:.digits$})")
    }
}

pub(crate) fn columns(names: &str) {
    println!("| {names} |\n|{}", " --- |".repeat(names.split('|').count()));
}

/// Of the site, then of MariaDB, then of Redis.
fn cpu(measured: &Measured, process: usize) -> String {
    measured.spent.cpu_us.get(process).map_or("–".to_owned(), |cpu| format!("{cpu:.0}"))
}

/// For one request, by database; what scheduled jobs do shows in the last digits.
fn statements(counts: &BTreeMap<String, f64>) -> String {
    let counts = counts.iter().filter(|(_, count)| **count >= 0.005);
    let counts: Vec<String> = counts.map(|(name, count)| format!("{name} {count:.2}")).collect();
    if counts.is_empty() { "0".to_owned() } else { counts.join(", ") }
}

fn share(of: &Measured, all: &Measured) -> String {
    format!("{:.0} %", of.rate * 100.0 / all.rate)
}

fn times(measured: &Measured) -> String {
    let ms = |time: std::time::Duration| time.as_secs_f64() * 1e3;
    format!("{:.1} | {:.1} | {}", ms(measured.p50), ms(measured.p99), measured.failed)
}

fn or_dash<T>(value: &Option<T>, text: impl Fn(&T) -> String) -> String {
    value.as_ref().map_or("–".to_owned(), text)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::meter::Spent;

    fn measured(rate: f64, cpu_us: &[f64]) -> Measured {
        let statements = [("user".to_owned(), 0.001), ("video".to_owned(), 1.0)].into();
        let spent = Spent { cpu_us: cpu_us.to_vec(), statements };
        Measured { rate, spent, p50: Duration::from_millis(2), p99: Duration::from_millis(5), failed: 0 }
    }

    #[test]
    fn a_row_compares_with_the_floor_and_the_embedded_site() {
        let row = Row {
            name: "feed",
            bytes: 10,
            floor: Some(measured(400.0, &[30.0])),
            embedded: Figures { alone: measured(200.0, &[60.0]), busy: None },
            real: Some(Figures { alone: measured(150.0, &[70.0, 20.0, 3.0]), busy: None }),
        };
        assert_eq!(row.line(), "| feed | 10 | 200 | 400 | 50 % | – | 60 | 30 | video 1.00 | 2.0 | 5.0 | 0 |");
        assert_eq!(
            row.real_line().unwrap(),
            "| feed | 10 | 150 | 200 | 75 % | 400 | – | 70 | 20 | 3 | video 1.00 | 2.0 | 5.0 | 0 |"
        );
    }

    #[test]
    fn a_spread_is_told_by_its_median_and_its_ends() {
        assert_eq!(Spread::of([3.0, 1.0, 2.25].into_iter()).text(1), "2.2 (1.0–3.0)");
        assert_eq!(Spread::of([].into_iter()).text(0), "0 (0–0)");
    }

    #[test]
    fn growth_is_told_in_times_of_the_first() {
        let grown = |videos, cpu| Grown { name: "feed", videos, measured: measured(1.0, cpu) };
        let (first, last) = (grown(1000, &[50.0, 50.0]), grown(100_000, &[60.0, 50.0]));
        assert_eq!(
            last.line(&first),
            "| feed | 100000 | 2.00 | 1.00 | 60 | 50 | – | 1.10 | video 1.00 | 0 |"
        );
    }
}
