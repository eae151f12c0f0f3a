//! The `Range` header: one range of bytes. Several ranges are answered with the whole file, as the standard allows.

/// Bytes from `start` to before `end`; never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// What a `Range` header asks of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Range {
    /// Nothing that we understand, or several ranges: it does not count.
    Ignored,
    /// The file ends before it.
    Outside,
    Span(Span),
}

/// Reads the header for a file of `size` bytes.
pub(crate) fn parse(text: &str, size: u64) -> Range {
    let Some((unit, range)) = text.split_once('=') else { return Range::Ignored };
    if !unit.trim().eq_ignore_ascii_case("bytes") || range.contains(',') {
        return Range::Ignored;
    }
    let Some((first, last)) = range.trim().split_once('-') else { return Range::Ignored };
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => span(first, last.saturating_add(1), size),
        (Some(first), None) if last.is_empty() => span(first, size, size),
        (None, Some(length)) if first.is_empty() && length > 0 => {
            span(size.saturating_sub(length), size, size)
        }
        (None, Some(0)) if first.is_empty() => Range::Outside,
        _ => Range::Ignored,
    }
}

fn span(start: u64, end: u64, size: u64) -> Range {
    let end = end.min(size);
    if start < end { Range::Span(Span { start, end }) } else { Range::Outside }
}

/// Digits only; a number beyond all files counts as the largest.
fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_understood() {
        for (text, start, end) in [
            ("bytes=0-9", 0, 10),
            ("bytes=10-", 10, 100),
            ("bytes=-5", 95, 100),
            ("bytes=-500", 0, 100),
            ("bytes=5-500", 5, 100),
            ("bytes=99-99", 99, 100),
            ("Bytes = 0-0", 0, 1),
            ("bytes=0-99999999999999999999999", 0, 100),
        ] {
            assert_eq!(parse(text, 100), Range::Span(Span { start, end }), "{text}");
        }
    }

    #[test]
    fn a_range_behind_the_end_is_outside() {
        for text in ["bytes=100-", "bytes=-0", "bytes=100-200", "bytes=99999999999999999999999-"] {
            assert_eq!(parse(text, 100), Range::Outside, "{text}");
        }
        assert_eq!(parse("bytes=0-", 0), Range::Outside);
        assert_eq!(parse("bytes=-1", 0), Range::Outside);
    }

    #[test]
    fn what_makes_no_sense_and_several_ranges_do_not_count() {
        for text in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=9-5",
            "bytes=+1-2",
            "bytes=1-2,4-5",
            "lines=1-2",
            "bytes=1-2-3",
            "bytes=1- 2",
        ] {
            assert_eq!(parse(text, 100), Range::Ignored, "{text}");
        }
    }
}
