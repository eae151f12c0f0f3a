//! The frames of the chat: what clients send, and what they get. Text in, text out.

use fanone_base::{Id, InvalidField, Page};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    envelope::Base,
    extract::{Either, Fields, json::Pairs},
};

/// The type of what the server sends unasked.
const PUSH: i64 = 9;
/// The longest `seq`, bytes.
const SEQ_MAX: usize = 64;

/// What a client asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    SendToUser {
        to: Id,
        content: String,
    },
    HistoryWith {
        user: Id,
        page: Page,
    },
    TakeUnread {
        user: Id,
    },
    SendToGroup {
        group: Id,
        content: String,
    },
    HistoryOf {
        group: Id,
        page: Page,
    },
    Summary,
    /// First a user, second a group.
    MarkRead {
        conversation: Either,
        message: Id,
    },
}

/// A frame as far as it could be read.
#[derive(Debug)]
pub(crate) struct Asked {
    /// 0 if it could not be read.
    pub(crate) kind: i64,
    pub(crate) seq: Option<String>,
    pub(crate) request: Result<Request, InvalidField>,
}

/// Reads a frame. Messages have at most `content_max` characters.
pub(crate) fn parse(text: &str, content_max: usize) -> Asked {
    let nothing =
        |reason: &str| Asked { kind: 0, seq: None, request: Err(InvalidField::new("frame", reason)) };
    let Ok(Value::Object(mut frame)) = serde_json::from_str(text) else {
        return nothing("must be a JSON object");
    };
    let kind = frame.get("type").and_then(Value::as_i64);
    let seq = match frame.remove("seq") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(seq)) if seq.len() <= SEQ_MAX => Ok(Some(seq)),
        Some(_) => Err(InvalidField::new("seq", format!("must be a string of at most {SEQ_MAX} bytes"))),
    };
    let data = match frame.remove("data") {
        None | Some(Value::Null) => Ok(Fields::default()),
        Some(data) => fields(data),
    };
    let (seq, wrong_seq) = match seq {
        Ok(seq) => (seq, None),
        Err(error) => (None, Some(error)),
    };
    let request = match wrong_seq {
        Some(error) => Err(error),
        None => kind
            .ok_or_else(|| InvalidField::new("type", "must be a whole number"))
            .and_then(|kind| request(kind, &mut data?, content_max)),
    };
    Asked { kind: kind.unwrap_or(0), seq, request }
}

fn fields(data: Value) -> Result<Fields, InvalidField> {
    let Ok(Pairs(pairs)) = Pairs::deserialize(data) else {
        return Err(InvalidField::new("data", "must be an object"));
    };
    let mut fields = Fields::default();
    pairs.into_iter().try_for_each(|(name, value)| fields.add(name, value))?;
    Ok(fields)
}

fn request(kind: i64, data: &mut Fields, content_max: usize) -> Result<Request, InvalidField> {
    Ok(match kind {
        1 => Request::SendToUser { to: data.id("to_user_id")?, content: content(data, content_max)? },
        2 => Request::HistoryWith { user: data.id("user_id")?, page: data.page()? },
        3 => Request::TakeUnread { user: data.id("user_id")? },
        4 => Request::SendToGroup { group: data.id("group_id")?, content: content(data, content_max)? },
        5 => Request::HistoryOf { group: data.id("group_id")?, page: data.page()? },
        6 => Request::Summary,
        7 => Request::MarkRead {
            conversation: data.one_of("user_id", "group_id")?,
            message: data.id("message_id")?,
        },
        _ => return Err(InvalidField::new("type", "must be 1 to 7")),
    })
}

fn content(data: &mut Fields, max: usize) -> Result<String, InvalidField> {
    let content = data.text("content")?;
    match content.chars().count() {
        0 => Err(InvalidField::missing("content")),
        length if length > max => {
            Err(InvalidField::new("content", format!("must have at most {max} characters")))
        }
        _ => Ok(content),
    }
}

#[derive(Serialize)]
struct AnswerFrame<'a, T> {
    #[serde(rename = "type")]
    kind: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<&'a str>,
    base: Base,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<T>,
}

/// The answer to a request.
pub(crate) fn answer(kind: i64, seq: Option<&str>, base: Base, data: Option<impl Serialize>) -> String {
    encode(&AnswerFrame { kind, seq, base, data })
}

#[derive(Serialize)]
struct PushFrame<T> {
    #[serde(rename = "type")]
    kind: i64,
    data: T,
}

/// A message for whom it was sent to.
pub(crate) fn push(message: impl Serialize) -> String {
    encode(&PushFrame { kind: PUSH, data: message })
}

/// Our own objects always have a JSON form.
fn encode(frame: &impl Serialize) -> String {
    serde_json::to_string(frame).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Asked {
        parse(text, 10)
    }

    #[test]
    fn every_type_of_request_is_understood() {
        let page = Page { num: 1, size: 2 };
        for (text, expected) in [
            (
                r#"{"type":1,"data":{"to_user_id":"7","content":"hi"}}"#,
                Request::SendToUser { to: Id(7), content: "hi".into() },
            ),
            (
                r#"{"type":2,"data":{"user_id":"7","page_num":1,"page_size":"2"}}"#,
                Request::HistoryWith { user: Id(7), page },
            ),
            (r#"{"type":3,"data":{"user_id":7}}"#, Request::TakeUnread { user: Id(7) }),
            (
                r#"{"type":4,"data":{"group_id":"8","content":"你好"}}"#,
                Request::SendToGroup { group: Id(8), content: "你好".into() },
            ),
            (
                r#"{"type":5,"data":{"group_id":"8","page_num":1,"page_size":2}}"#,
                Request::HistoryOf { group: Id(8), page },
            ),
            (r#"{"type":6}"#, Request::Summary),
            (
                r#"{"type":7,"data":{"group_id":"8","message_id":"9"}}"#,
                Request::MarkRead { conversation: Either::Second(Id(8)), message: Id(9) },
            ),
        ] {
            assert_eq!(asked(text).request, Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_and_the_seq_comes_back() {
        for (text, field) in [
            (r#"{"type":1,"seq":"s","data":{"to_user_id":"7"}}"#, "content"),
            (r#"{"type":1,"seq":"s","data":{"to_user_id":"7","content":""}}"#, "content"),
            (r#"{"type":1,"seq":"s","data":{"to_user_id":"7","content":"12345678901"}}"#, "content"),
            (r#"{"type":1,"seq":"s","data":{"to_user_id":"bob","content":"x"}}"#, "to_user_id"),
            (r#"{"type":2,"seq":"s","data":{"user_id":"7","page_num":-1}}"#, "page_num"),
            (r#"{"type":7,"seq":"s","data":{"user_id":"7"}}"#, "message_id"),
            (r#"{"type":7,"seq":"s","data":{"message_id":"7"}}"#, "user_id"),
            (r#"{"type":8,"seq":"s"}"#, "type"),
            (r#"{"type":"one","seq":"s"}"#, "type"),
            (r#"{"seq":"s"}"#, "type"),
            (r#"{"type":6,"seq":"s","data":[]}"#, "data"),
        ] {
            let asked = asked(text);
            assert_eq!(asked.request.unwrap_err().field, field, "{text}");
            assert_eq!(asked.seq.as_deref(), Some("s"), "{text}");
        }
    }

    #[test]
    fn what_is_no_frame_is_said_to_be_none() {
        for text in ["", "{not json", "[]", "null", "\"a\"", &"[".repeat(1000)] {
            assert_eq!(asked(text).request.unwrap_err().field, "frame", "{text}");
        }
        for seq in ["5", &format!("\"{}\"", "x".repeat(65))] {
            let asked = asked(&format!(r#"{{"type":6,"seq":{seq}}}"#));
            assert_eq!((asked.kind, asked.request.unwrap_err().field.as_ref()), (6, "seq"));
        }
    }

    #[test]
    fn an_answer_says_what_it_answers() {
        let base = Base { code: 10000, msg: "success".into() };
        assert_eq!(
            answer(3, Some("s"), base, Some("x")),
            r#"{"type":3,"seq":"s","base":{"code":10000,"msg":"success"},"data":"x"}"#
        );
        let base = Base { code: 10002, msg: "no".into() };
        assert_eq!(answer(0, None, base, None::<()>), r#"{"type":0,"base":{"code":10002,"msg":"no"}}"#);
        assert_eq!(push("m"), r#"{"type":9,"data":"m"}"#);
    }
}
