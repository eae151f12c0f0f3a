//! What is checked of a request before any use case sees it. Refusals name the field.

use fanone_base::{Id, InvalidField, Page};
use volo_gen::fanone::base;

use crate::like::Target;

/// The most characters of a comment.
const CONTENT_MAX_CHARS: usize = 1000;

/// An id that may exist.
pub(crate) fn id(field: &'static str, number: i64) -> Result<Id, InvalidField> {
    if number > 0 {
        Ok(Id(number))
    } else {
        Err(InvalidField::new(field, "must be an id: a positive number"))
    }
}

/// Exactly one of a video and a comment.
pub(crate) fn target(video_id: Option<i64>, comment_id: Option<i64>) -> Result<Target, InvalidField> {
    match (video_id, comment_id) {
        (Some(video), None) => Ok(Target::Video(id("video_id", video)?)),
        (None, Some(comment)) => Ok(Target::Comment(id("comment_id", comment)?)),
        (None, None) => Err(InvalidField::new("video_id", "send either video_id or comment_id")),
        (Some(_), Some(_)) => Err(InvalidField::new("video_id", "send video_id or comment_id, not both")),
    }
}

/// A page of a list.
pub(crate) fn page(page: &base::Page) -> Result<Page, InvalidField> {
    Page::new(page.num.into(), page.size.into())
}

/// The text of a comment. It comes as bytes: a Thrift string is not known to be UTF-8.
pub(crate) fn content(bytes: &[u8]) -> Result<String, InvalidField> {
    let refuse = |reason: String| InvalidField::new("content", reason);
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(refuse("must be UTF-8".to_owned()));
    };
    if text.trim().is_empty() {
        return Err(refuse("must not be empty".to_owned()));
    }
    if text.chars().count() > CONTENT_MAX_CHARS {
        return Err(refuse(format!("must have at most {CONTENT_MAX_CHARS} characters")));
    }
    if text.chars().any(|char| char.is_control() && !matches!(char, '\n' | '\r' | '\t')) {
        return Err(refuse("must not have control characters".to_owned()));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_target_is_taken() {
        assert_eq!(target(Some(1), None), Ok(Target::Video(Id(1))));
        assert_eq!(target(None, Some(2)), Ok(Target::Comment(Id(2))));
        assert_eq!(target(None, None).unwrap_err().field, "video_id");
        assert_eq!(target(Some(1), Some(2)).unwrap_err().field, "video_id");
        assert_eq!(target(Some(0), None).unwrap_err().field, "video_id");
        assert_eq!(target(None, Some(-3)).unwrap_err().field, "comment_id");
    }

    #[test]
    fn content_is_measured_in_characters() {
        assert!(content("字".repeat(1000).as_bytes()).is_ok());
        assert!(content("字".repeat(1001).as_bytes()).is_err());
        assert_eq!(content(b"two\r\n\tlines").as_deref(), Ok("two\r\n\tlines"));
    }

    #[test]
    fn blank_broken_and_control_texts_are_refused() {
        for bytes in [&b""[..], b" \n ", b"a\0b", b"\x1b[1m", b"\xff\xfe", b"\xe5\xad"] {
            assert_eq!(content(bytes).unwrap_err().field, "content", "{bytes:?}");
        }
    }
}
