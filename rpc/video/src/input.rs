//! What is checked of a request before any use case sees it. Refusals name the field.
//!
//! Texts come as bytes: a Thrift string is not known to be UTF-8.

use bytes::Bytes;
use fanone_base::{Id, InvalidField, Page};
use volo_gen::fanone::{
    base::{self, ApplyEventsReq, EventKind},
    video as thrift,
};

use crate::{
    events::Change,
    publish::{CoverVector, Publication},
    search::Query,
    uploads::File,
};

const TITLE_MAX_CHARS: usize = 100;
const DESCRIPTION_MAX_CHARS: usize = 2000;
const FILENAME_MAX_CHARS: usize = 255;
const KEYWORDS_MAX_CHARS: usize = 100;
const KEY_MAX_BYTES: usize = 200;
const MODEL_MAX_BYTES: usize = 64;
/// Room for 2048 numbers.
const VECTOR_MAX_BYTES: usize = 8192;
const IDS_MAX: usize = 100;
const VIEWER_MAX_BYTES: usize = 64;
const SOURCE_MAX_BYTES: usize = 64;
/// As many as a sender may be configured to put into a batch.
const EVENTS_MAX: usize = 10_000;

/// What to publish.
pub(crate) fn publication(req: thrift::PublishReq) -> Result<Publication, InvalidField> {
    Ok(Publication {
        video_key: token("video_key", req.video_key.as_bytes(), KEY_MAX_BYTES)?,
        cover_key: token("cover_key", req.cover_key.as_bytes(), KEY_MAX_BYTES)?,
        title: title(req.title.as_bytes())?,
        description: description(req.description.as_bytes())?,
        cover: cover(req.cover_vector, req.cover_model.as_bytes())?,
        upload: req.upload_id.map(Id),
    })
}

/// What an upload says of its file.
pub(crate) fn file(req: &thrift::CreateUploadReq) -> Result<File, InvalidField> {
    Ok(File {
        length: req.length,
        title: title(req.title.as_bytes())?,
        description: description(req.description.as_bytes())?,
        filename: line("filename", req.filename.as_bytes(), FILENAME_MAX_CHARS)?,
    })
}

/// What is searched for.
pub(crate) fn query(req: &thrift::SearchReq) -> Result<Query, InvalidField> {
    Ok(Query {
        keywords: line("keywords", req.keywords.as_bytes(), KEYWORDS_MAX_CHARS)?,
        from: req.from_date,
        to: req.to_date,
        user: req.user_id.map(Id),
    })
}

/// Ids of videos; unknown numbers are no fault, too many are.
pub(crate) fn ids(numbers: Vec<i64>) -> Result<Vec<Id>, InvalidField> {
    if numbers.len() > IDS_MAX {
        return Err(InvalidField::new("ids", format!("must be at most {IDS_MAX}")));
    }
    Ok(numbers.into_iter().map(Id).collect())
}

/// A page of a list.
pub(crate) fn page(page: &base::Page) -> Result<Page, InvalidField> {
    Page::new(page.num.into(), page.size.into())
}

/// Whatever tells two viewers apart.
pub(crate) fn viewer(bytes: &[u8]) -> Result<&[u8], InvalidField> {
    if (1..=VIEWER_MAX_BYTES).contains(&bytes.len()) {
        Ok(bytes)
    } else {
        Err(InvalidField::new("viewer", format!("must have 1 to {VIEWER_MAX_BYTES} bytes")))
    }
}

/// The source, the number and the changes of a batch.
pub(crate) fn batch(req: ApplyEventsReq) -> Result<(String, i64, Vec<Change>), InvalidField> {
    let source = token("source", req.source.as_bytes(), SOURCE_MAX_BYTES)?;
    if req.number < 1 {
        return Err(InvalidField::new("number", "must be 1 or more"));
    }
    if req.events.len() > EVENTS_MAX {
        return Err(InvalidField::new("events", format!("must be at most {EVENTS_MAX}")));
    }
    let changes = req.events.into_iter().map(change).collect::<Result<_, _>>()?;
    Ok((source, req.number, changes))
}

fn change(event: base::Event) -> Result<Change, InvalidField> {
    let video = Id(event.entity_id);
    match event.kind {
        EventKind::VIDEO_LIKES => Ok(Change::Likes(video, event.delta)),
        EventKind::VIDEO_COMMENTS => Ok(Change::Comments(video, event.delta)),
        other => Err(InvalidField::new("events", format!("kind {} is not one of a video", other.inner()))),
    }
}

fn title(bytes: &[u8]) -> Result<String, InvalidField> {
    let title = line("title", bytes, TITLE_MAX_CHARS)?;
    if title.trim().is_empty() {
        return Err(InvalidField::new("title", format!("must have 1 to {TITLE_MAX_CHARS} characters")));
    }
    Ok(title)
}

/// Browsers send the lines of a form with CR LF.
fn description(bytes: &[u8]) -> Result<String, InvalidField> {
    let text = utf8("description", bytes)?.replace("\r\n", "\n");
    check_chars("description", &text, DESCRIPTION_MAX_CHARS, &['\n', '\t'])?;
    Ok(text)
}

/// A text without line breaks.
fn line(field: &'static str, bytes: &[u8], max_chars: usize) -> Result<String, InvalidField> {
    let text = utf8(field, bytes)?;
    check_chars(field, text, max_chars, &[])?;
    Ok(text.to_owned())
}

/// A name made by a program: visible ASCII.
fn token(field: &'static str, bytes: &[u8], max: usize) -> Result<String, InvalidField> {
    let text = utf8(field, bytes)?;
    if (1..=max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err(InvalidField::new(field, format!("must have 1 to {max} visible ASCII characters")))
    }
}

/// A vector names its model; one that is to be computed later need not.
fn cover(bytes: Bytes, model: &[u8]) -> Result<CoverVector, InvalidField> {
    if bytes.len() > VECTOR_MAX_BYTES || !bytes.len().is_multiple_of(size_of::<f32>()) {
        let numbers = VECTOR_MAX_BYTES / size_of::<f32>();
        return Err(InvalidField::new("cover_vector", format!("must be at most {numbers} float32")));
    }
    let model = match (bytes.is_empty(), model) {
        (true, []) => String::new(),
        _ => token("cover_model", model, MODEL_MAX_BYTES)?,
    };
    Ok(CoverVector { bytes, model })
}

fn utf8<'b>(field: &'static str, bytes: &'b [u8]) -> Result<&'b str, InvalidField> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(_cause) => Err(InvalidField::new(field, "must be UTF-8")),
    }
}

fn check_chars(field: &'static str, text: &str, max: usize, controls: &[char]) -> Result<(), InvalidField> {
    if text.chars().count() > max {
        return Err(InvalidField::new(field, format!("must have at most {max} characters")));
    }
    if text.chars().any(|char| char.is_control() && !controls.contains(&char)) {
        return Err(InvalidField::new(field, "must not have control characters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<T: std::fmt::Debug>(result: Result<T, InvalidField>) -> String {
        result.unwrap_err().field.into_owned()
    }

    fn request() -> thrift::PublishReq {
        thrift::PublishReq {
            video_key: "videos/1.mp4".into(),
            cover_key: "covers/1.jpg".into(),
            title: "一只猫".into(),
            description: "two\r\n\tlines".into(),
            cover_vector: Bytes::from_static(&[0; 16]),
            cover_model: "model-1".into(),
            upload_id: Some(7),
        }
    }

    #[test]
    fn a_publication_is_taken_over() {
        let publication = publication(request()).unwrap();
        assert_eq!(publication.title, "一只猫");
        assert_eq!(publication.description, "two\n\tlines");
        assert_eq!(publication.upload, Some(Id(7)));
        let later = thrift::PublishReq { cover_vector: Bytes::new(), cover_model: "".into(), ..request() };
        assert!(super::publication(later).is_ok());
    }

    #[test]
    fn each_wrong_field_of_a_publication_is_named() {
        let with = |change: fn(&mut thrift::PublishReq)| {
            let mut request = request();
            change(&mut request);
            refused(publication(request))
        };
        assert_eq!(with(|req| req.video_key = "".into()), "video_key");
        assert_eq!(with(|req| req.video_key = "a b".into()), "video_key");
        assert_eq!(with(|req| req.cover_key = "k".repeat(201).into()), "cover_key");
        assert_eq!(with(|req| req.cover_model = "".into()), "cover_model");
        assert_eq!(with(|req| req.title = " ".into()), "title");
        assert_eq!(with(|req| req.description = "\0".into()), "description");
        assert_eq!(with(|req| req.cover_vector = Bytes::from_static(&[0; 7])), "cover_vector");
        assert_eq!(with(|req| req.cover_vector = vec![0; 8196].into()), "cover_vector");
    }

    #[test]
    fn titles_have_1_to_100_characters_on_one_line() {
        assert!(title("字".repeat(100).as_bytes()).is_ok());
        for bytes in ["字".repeat(101).as_bytes(), b"", b"  ", b"a\nb", b"a\0", b"\xff", b"\xe5\xad"] {
            assert_eq!(refused(title(bytes)), "title", "{bytes:?}");
        }
    }

    #[test]
    fn descriptions_may_be_empty_and_have_lines() {
        assert_eq!(description(b""), Ok(String::new()));
        assert!(description("字".repeat(2000).as_bytes()).is_ok());
        for bytes in ["字".repeat(2001).as_bytes(), b"a\rb", b"\x1b[1m", b"\xff"] {
            assert_eq!(refused(description(bytes)), "description", "{bytes:?}");
        }
    }

    #[test]
    fn lists_and_names_have_their_limits() {
        assert_eq!(refused(ids(vec![1; 101])), "ids");
        assert_eq!(refused(viewer(b"")), "viewer");
        assert_eq!(refused(viewer(&[b'v'; 65])), "viewer");
        assert_eq!(viewer(b"\xff"), Ok(&b"\xff"[..]));
        let search = thrift::SearchReq { keywords: "k".repeat(101).into(), ..Default::default() };
        assert_eq!(refused(query(&search)), "keywords");
        let upload = thrift::CreateUploadReq {
            title: "t".into(),
            filename: "f".repeat(256).into(),
            ..Default::default()
        };
        assert_eq!(refused(file(&upload)), "filename");
    }

    #[test]
    fn only_events_of_videos_are_taken() {
        let event = |kind| base::Event { kind, entity_id: 5, delta: -2, picture: None };
        let request = |number, kinds: &[EventKind]| ApplyEventsReq {
            source: "interaction/1".into(),
            number,
            events: kinds.iter().map(|kind| event(*kind)).collect(),
        };
        let taken = batch(request(1, &[EventKind::VIDEO_LIKES, EventKind::VIDEO_COMMENTS])).unwrap();
        assert_eq!(taken.2, [Change::Likes(Id(5), -2), Change::Comments(Id(5), -2)]);
        assert_eq!(refused(batch(request(0, &[]))), "number");
        assert_eq!(refused(batch(request(1, &[EventKind::USER_LIKES]))), "events");
        assert_eq!(refused(batch(ApplyEventsReq { source: "".into(), ..request(1, &[]) })), "source");
    }
}
