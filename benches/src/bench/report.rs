//! The table that is printed, in Markdown.

use crate::load::Measured;

pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// Of the answer.
    pub(crate) bytes: usize,
    pub(crate) site: Measured,
    pub(crate) floor: Option<Measured>,
    /// The same beside a steady stream of likes.
    pub(crate) busy: Option<Measured>,
}

impl Row {
    pub(crate) fn line(&self) -> String {
        let Self { name, bytes, site, floor, busy } = self;
        let busy = busy.as_ref().map_or("–".to_owned(), |busy| format!("{:.0}", busy.rate));
        let (floor_rate, floor_cpu, share) = match floor {
            Some(floor) => (
                format!("{:.0}", floor.rate),
                format!("{:.0}", floor.cpu_us),
                format!("{:.0} %", site.rate * 100.0 / floor.rate),
            ),
            None => ("–".to_owned(), "–".to_owned(), "–".to_owned()),
        };
        format!(
            "| {name} | {bytes} | {:.0} | {floor_rate} | {share} | {busy} | {:.0} | {floor_cpu} | {:.1} | {:.1} | {} |",
            site.rate,
            site.cpu_us,
            site.p50.as_secs_f64() * 1e3,
            site.p99.as_secs_f64() * 1e3,
            site.failed,
        )
    }
}

pub(crate) fn print(rows: &[Row], idle: u64, connections: usize, likes: u32) {
    println!("{connections} connections; idle memory {:.1} MiB\n", idle as f64 / f64::from(1 << 20));
    println!(
        "| operation | bytes | site/s | floor/s | share | site/s beside {likes} likes/s | site CPU µs | floor CPU µs | p50 ms | p99 ms | failed |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for row in rows {
        println!("{}", row.line());
    }
}
