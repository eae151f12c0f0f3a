//! Times: Unix milliseconds inside, `YYYY-MM-DD hh:mm:ss` in the site's zone outside.

use std::fmt::Write;

use jiff::{Timestamp, tz::TimeZone};

/// Now, in Unix milliseconds.
pub fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// `YYYY-MM-DD hh:mm:ss` in `zone`; empty for 0, which stands for "never".
///
/// A page holds dozens of times, so this writes the numbers itself: a general formatter costs ten times as much.
pub fn format(millis: i64, zone: &TimeZone) -> String {
    let mut text = String::new();
    if let Ok(time) = Timestamp::from_millisecond(millis)
        && millis != 0
    {
        let time = zone.to_datetime(time);
        let (date, clock) = (time.date(), time.time());
        text.reserve_exact("YYYY-MM-DD hh:mm:ss".len());
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
            date.year(),
            date.month(),
            date.day(),
            clock.hour(),
            clock.minute(),
            clock.second()
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_the_sites_zone() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        assert_eq!(format(1_700_000_000_000, &zone), "2023-11-15 06:13:20");
        assert_eq!(format(1_767_225_600_001, &zone), "2026-01-01 08:00:00");
        assert_eq!(
            format(1_720_000_000_000, &TimeZone::get("America/New_York").unwrap()),
            "2024-07-03 05:46:40"
        );
        assert_eq!(format(0, &zone), "");
    }
}
