//! Conditional requests: whether the client has the file already, and whether its part is of the same file.

use std::time::{Duration, SystemTime};

use fanone_media::Head;
use http::{HeaderMap, HeaderName, header};

use super::range::{self, Range, Span};

/// What is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Whole,
    Part(Span),
    /// The client has it.
    NotModified,
    /// The file ends before the range.
    Unsatisfiable,
}

/// What the headers of a request ask of a file.
pub(crate) fn judge(headers: &HeaderMap, head: &Head) -> Outcome {
    if is_known(headers, head) {
        return Outcome::NotModified;
    }
    let Some(asked) = text(headers, header::RANGE).filter(|_| is_same(headers, head)) else {
        return Outcome::Whole;
    };
    match range::parse(asked, head.size) {
        Range::Ignored => Outcome::Whole,
        Range::Outside => Outcome::Unsatisfiable,
        Range::Span(span) => Outcome::Part(span),
    }
}

/// Whether the client has this file: by its tag, or without one by its time.
fn is_known(headers: &HeaderMap, head: &Head) -> bool {
    let mut tags = headers.get_all(header::IF_NONE_MATCH).into_iter().peekable();
    if tags.peek().is_none() {
        let since = text(headers, header::IF_MODIFIED_SINCE).and_then(date);
        return since.is_some_and(|since| seconds(head.modified) <= since);
    }
    let mut tags = tags.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == head.etag)
}

/// Whether the range is wanted of this very file; a weak tag does not say that.
fn is_same(headers: &HeaderMap, head: &Head) -> bool {
    text(headers, header::IF_RANGE)
        .is_none_or(|condition| condition == head.etag || date(condition) == Some(seconds(head.modified)))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn date(text: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(text).ok()
}

/// As precise as dates in HTTP are.
fn seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: &str = "Tue, 14 Nov 2023 22:13:21 GMT";
    const THEN: &str = "Tue, 14 Nov 2023 22:13:20 GMT";
    const BEFORE: &str = "Tue, 14 Nov 2023 22:13:19 GMT";

    fn asked(pairs: &[(&'static str, &str)]) -> Outcome {
        let modified = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_500);
        let head = Head { size: 100, etag: "\"a\"".to_owned(), modified };
        let headers: HeaderMap = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        judge(&headers, &head)
    }

    #[test]
    fn who_has_the_file_is_told_so() {
        for tags in ["\"a\"", "*", "W/\"a\"", "\"b\", \"a\""] {
            assert_eq!(
                asked(&[("if-none-match", tags), ("range", "bytes=0-1")]),
                Outcome::NotModified,
                "{tags}"
            );
        }
        assert_eq!(asked(&[("if-none-match", "\"b\"")]), Outcome::Whole);
    }

    #[test]
    fn the_time_counts_only_without_a_tag() {
        for (since, expected) in [
            (LATER, Outcome::NotModified),
            (THEN, Outcome::NotModified),
            (BEFORE, Outcome::Whole),
            ("yesterday", Outcome::Whole),
        ] {
            assert_eq!(asked(&[("if-modified-since", since)]), expected, "{since}");
        }
        assert_eq!(asked(&[("if-modified-since", LATER), ("if-none-match", "\"b\"")]), Outcome::Whole);
    }

    #[test]
    fn a_part_is_sent_of_the_same_file_only() {
        let part = Outcome::Part(Span { start: 0, end: 10 });
        let range = ("range", "bytes=0-9");
        assert_eq!(asked(&[range]), part);
        for same in ["\"a\"", THEN] {
            assert_eq!(asked(&[range, ("if-range", same)]), part, "{same}");
        }
        for other in ["\"b\"", "W/\"a\"", BEFORE, LATER] {
            assert_eq!(asked(&[range, ("if-range", other)]), Outcome::Whole, "{other}");
        }
        assert_eq!(asked(&[("range", "bytes=100-")]), Outcome::Unsatisfiable);
    }
}
