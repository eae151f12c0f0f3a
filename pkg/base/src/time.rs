//! Times: Unix milliseconds inside, `YYYY-MM-DD hh:mm:ss` in the site's zone outside.

use jiff::{Timestamp, tz::TimeZone};

/// Now, in Unix milliseconds.
pub fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// `YYYY-MM-DD hh:mm:ss` in `zone`; empty for 0, which stands for "never".
pub fn format(millis: i64, zone: &TimeZone) -> String {
    match Timestamp::from_millisecond(millis) {
        Ok(time) if millis != 0 => {
            time.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_the_sites_zone() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        assert_eq!(format(1_700_000_000_000, &zone), "2023-11-15 06:13:20");
        assert_eq!(format(0, &zone), "");
    }
}
