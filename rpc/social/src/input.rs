//! What is checked of a request before any use case sees it. Refusals name the field.

use fanone_base::{Id, InvalidField, Page};
use volo_gen::fanone::base;

use crate::chat::Peer;

const GROUP_NAME_MAX_CHARS: usize = 50;
const SEQ_MAX_BYTES: usize = 64;

/// An id that may exist.
pub(crate) fn id(field: &'static str, number: i64) -> Result<Id, InvalidField> {
    match number {
        1.. => Ok(Id(number)),
        _ => Err(InvalidField::new(field, "must be an id: a positive number")),
    }
}

/// A page of a list.
pub(crate) fn page(page: &base::Page) -> Result<Page, InvalidField> {
    Page::new(page.num.into(), page.size.into())
}

/// Exactly one of a user, whose field is called `user_field`, and a group.
pub(crate) fn peer(
    user_field: &'static str,
    user_id: Option<i64>,
    group_id: Option<i64>,
) -> Result<Peer, InvalidField> {
    match (user_id, group_id) {
        (Some(user), None) => Ok(Peer::User(id(user_field, user)?)),
        (None, Some(group)) => Ok(Peer::Group(id("group_id", group)?)),
        (None, None) => Err(InvalidField::new(user_field, format!("send either {user_field} or group_id"))),
        (Some(_), Some(_)) => {
            Err(InvalidField::new(user_field, format!("send {user_field} or group_id, not both")))
        }
    }
}

/// The text of a message.
pub(crate) fn content(bytes: &[u8], max_chars: usize) -> Result<String, InvalidField> {
    let text = text("content", bytes, max_chars)?;
    if text.chars().any(|char| char.is_control() && !matches!(char, '\n' | '\r' | '\t')) {
        return Err(InvalidField::new("content", "must not have control characters"));
    }
    Ok(text.to_owned())
}

/// The name of a group, without the blanks around it.
pub(crate) fn group_name(bytes: &[u8]) -> Result<String, InvalidField> {
    let name = text("name", bytes.trim_ascii(), GROUP_NAME_MAX_CHARS)?;
    if name.chars().any(char::is_control) {
        return Err(InvalidField::new("name", "must not have control characters"));
    }
    if name.trim().is_empty() {
        return Err(InvalidField::new("name", "must not be blank"));
    }
    Ok(name.to_owned())
}

/// What a sender calls a message, so that it is not stored twice. An empty one is none.
pub(crate) fn seq(bytes: Option<&[u8]>) -> Result<Option<Vec<u8>>, InvalidField> {
    match bytes {
        Some(bytes) if bytes.len() > SEQ_MAX_BYTES => {
            Err(InvalidField::new("seq", format!("must have at most {SEQ_MAX_BYTES} bytes")))
        }
        Some(bytes) if !bytes.is_empty() => Ok(Some(bytes.to_vec())),
        _ => Ok(None),
    }
}

/// 1 to `max_chars` characters. They come as bytes: a Thrift string is not known to be UTF-8.
fn text<'b>(field: &'static str, bytes: &'b [u8], max_chars: usize) -> Result<&'b str, InvalidField> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(InvalidField::new(field, "must be UTF-8"));
    };
    if (1..=max_chars).contains(&text.chars().count()) {
        Ok(text)
    } else {
        Err(InvalidField::new(field, format!("must have 1 to {max_chars} characters")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_peer_is_taken() {
        assert_eq!(peer("to_user_id", Some(1), None), Ok(Peer::User(Id(1))));
        assert_eq!(peer("user_id", None, Some(2)), Ok(Peer::Group(Id(2))));
        for (user, group, field) in [
            (None, None, "user_id"),
            (Some(1), Some(1), "user_id"),
            (Some(0), None, "user_id"),
            (None, Some(-1), "group_id"),
        ] {
            assert_eq!(peer("user_id", user, group).unwrap_err().field, field);
        }
    }

    #[test]
    fn texts_are_measured_in_characters() {
        assert!(content("字".repeat(20).as_bytes(), 20).is_ok());
        for bytes in ["字".repeat(21).as_bytes(), b"", b"a\0b", b"\xff"] {
            assert_eq!(content(bytes, 20).unwrap_err().field, "content", "{bytes:?}");
        }
        assert_eq!(group_name(" 电影 club ".as_bytes()).as_deref(), Ok("电影 club"));
        for bytes in ["字".repeat(51).as_bytes(), b"", b"  ", "\u{3000}".as_bytes(), b"a\nb", b"\xff"] {
            assert_eq!(group_name(bytes).unwrap_err().field, "name", "{bytes:?}");
        }
    }

    #[test]
    fn a_seq_is_short_and_an_empty_one_is_none() {
        assert_eq!(seq(None), Ok(None));
        assert_eq!(seq(Some(b"")), Ok(None));
        assert_eq!(seq(Some(b"\xff")), Ok(Some(vec![0xff])), "it is only ever compared");
        assert!(seq(Some(&[b'x'; 64])).is_ok());
        assert_eq!(seq(Some(&[b'x'; 65])).unwrap_err().field, "seq");
    }
}
