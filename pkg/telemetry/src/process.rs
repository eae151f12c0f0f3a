//! What the kernel knows of this process, read from `/proc` when the metrics are shown. Elsewhere than on Linux
//! nothing is shown.

use std::fmt::Write as _;
use std::fs;

use crate::names;

/// Clock ticks in a second as `/proc` counts them; Linux fixes it for every architecture that Rust's servers run on.
const TICKS_PER_SECOND: f64 = 100.0;

/// The process metrics in the exposition format. They are written here and not kept by the recorder, whose counters
/// are whole numbers.
pub(crate) fn render() -> String {
    let mut text = String::new();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    write_value(&mut text, names::PROCESS_RESIDENT_MEMORY, status_bytes(&status, "VmRSS:"));
    write_value(&mut text, names::PROCESS_RESIDENT_MEMORY_PEAK, status_bytes(&status, "VmHWM:"));
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    write_value(&mut text, names::PROCESS_CPU, cpu_seconds(&stat));
    let open = fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count().to_string());
    write_value(&mut text, names::PROCESS_OPEN_FDS, open);
    text
}

fn write_value(text: &mut String, name: &str, value: Option<String>) {
    let Some(value) = value else { return };
    let Some(metric) = names::ALL.iter().find(|metric| metric.name == name) else { return };
    let kind = match metric.kind {
        names::Kind::Counter => "counter",
        names::Kind::Gauge | names::Kind::Histogram => "gauge",
    };
    // Writing to a String can't fail.
    let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}\n{name} {value}\n", metric.help);
}

/// A line such as `VmRSS:     1234 kB`, in bytes.
fn status_bytes(status: &str, label: &str) -> Option<String> {
    let line = status.lines().find_map(|line| line.strip_prefix(label))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some((kib * 1024).to_string())
}

/// User and system time: fields 14 and 15. The second field is the program's name, which may hold spaces and
/// brackets, so fields are counted from its last closing bracket.
fn cpu_seconds(stat: &str) -> Option<String> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some(format!("{:.2}", (user + system) / TICKS_PER_SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_proc_are_found() {
        assert_eq!(status_bytes("Name:\tx\nVmRSS:\t  12 kB\n", "VmRSS:").as_deref(), Some("12288"));
        let stat = "7 (a ) b) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0";
        assert_eq!(cpu_seconds(stat).as_deref(), Some("2.00"));
        assert_eq!(cpu_seconds(""), None);
    }
}
