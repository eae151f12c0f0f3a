//! The named values of a request, wherever they came from, and how an operation takes them.

use std::str::FromStr;

use fanone_base::{Id, InvalidField, Page};

/// More fields than any operation has.
const FIELDS_MAX: usize = 32;
/// The last time with 13 digits, in the year 2286.
const TIME_MS_MAX: i64 = 9_999_999_999_999;
const PAGE_SIZE_DEFAULT: i64 = 10;

/// One value, with what matters of its type.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// From a form or a query, or a JSON string: may be anything.
    Text(String),
    /// A JSON number.
    Number(String),
    /// Something that no field is, and what is wrong with it.
    Wrong(&'static str),
}

/// The values of a request by name. Each is taken once; what nobody takes is ignored.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<(String, Value)>);

/// The parameters of an operation.
pub(crate) trait FromFields: Sized {
    /// Takes the operation's fields; the refusal names the first that is missing or wrong.
    fn from_fields(fields: &mut Fields) -> Result<Self, InvalidField>;
}

/// An operation whose only parameters are those of the page.
impl FromFields for Page {
    fn from_fields(fields: &mut Fields) -> Result<Self, InvalidField> {
        fields.page()
    }
}

/// An operation without parameters of its own.
impl FromFields for () {
    fn from_fields(_fields: &mut Fields) -> Result<(), InvalidField> {
        Ok(())
    }
}

impl Fields {
    /// Adds a value; a name may come once.
    pub(crate) fn add(&mut self, name: String, value: Value) -> Result<(), InvalidField> {
        if self.0.iter().any(|(known, _)| *known == name) {
            return Err(InvalidField::new(shown(name), "was sent more than once"));
        }
        if self.0.len() >= FIELDS_MAX {
            return Err(InvalidField::new(shown(name), "is one field too many"));
        }
        self.0.push((name, value));
        Ok(())
    }

    /// A text that must be there; it may be empty.
    pub(crate) fn text(&mut self, name: &'static str) -> Result<String, InvalidField> {
        match self.take(name) {
            None => Err(InvalidField::missing(name)),
            Some(Value::Text(text)) => Ok(text),
            Some(Value::Number(_)) => Err(InvalidField::new(name, "must be a string")),
            Some(Value::Wrong(reason)) => Err(InvalidField::new(name, reason)),
        }
    }

    /// A text; an empty one counts as absent.
    pub(crate) fn optional_text(&mut self, name: &'static str) -> Result<Option<String>, InvalidField> {
        if self.has(name) { self.text(name).map(Some) } else { Ok(None) }
    }

    /// An id that must be there.
    pub(crate) fn id(&mut self, name: &'static str) -> Result<Id, InvalidField> {
        self.optional_id(name)?.ok_or_else(|| InvalidField::missing(name))
    }

    /// An id; an empty text counts as absent.
    pub(crate) fn optional_id(&mut self, name: &'static str) -> Result<Option<Id>, InvalidField> {
        let id = self.parsed::<Id>(name, "must be an id: a positive decimal number")?;
        Ok(id)
    }

    /// Exactly one of two ids.
    pub(crate) fn one_of(
        &mut self,
        first: &'static str,
        second: &'static str,
    ) -> Result<Either, InvalidField> {
        match (self.optional_id(first)?, self.optional_id(second)?) {
            (Some(id), None) => Ok(Either::First(id)),
            (None, Some(id)) => Ok(Either::Second(id)),
            (None, None) => Err(InvalidField::new(first, format!("or {second} is required"))),
            (Some(_), Some(_)) => Err(InvalidField::new(first, format!("and {second} exclude each other"))),
        }
    }

    /// A whole number that must be there, from `min` to `max`.
    pub(crate) fn integer(&mut self, name: &'static str, min: i64, max: i64) -> Result<i64, InvalidField> {
        self.optional_integer(name, min, max)?.ok_or_else(|| InvalidField::missing(name))
    }

    /// A whole number from `min` to `max`; an empty text counts as absent.
    pub(crate) fn optional_integer(
        &mut self,
        name: &'static str,
        min: i64,
        max: i64,
    ) -> Result<Option<i64>, InvalidField> {
        match self.parsed::<i64>(name, "must be a whole number")? {
            Some(number) if !(min..=max).contains(&number) => {
                Err(InvalidField::new(name, format!("must be {min} to {max}")))
            }
            number => Ok(number),
        }
    }

    /// A point in time in Unix milliseconds; an empty text counts as absent.
    pub(crate) fn optional_time(&mut self, name: &'static str) -> Result<Option<i64>, InvalidField> {
        self.optional_integer(name, 0, TIME_MS_MAX)
    }

    /// `page_num` and `page_size`, which have defaults.
    pub(crate) fn page(&mut self) -> Result<Page, InvalidField> {
        let num = self.optional_integer("page_num", i64::MIN, i64::MAX)?.unwrap_or(0);
        let size = self.optional_integer("page_size", i64::MIN, i64::MAX)?.unwrap_or(PAGE_SIZE_DEFAULT);
        Page::new(num, size)
    }

    fn parsed<T: FromStr>(&mut self, name: &'static str, expected: &str) -> Result<Option<T>, InvalidField> {
        let text = match self.take(name) {
            None => return Ok(None),
            Some(Value::Text(text)) if text.is_empty() => return Ok(None),
            Some(Value::Text(text) | Value::Number(text)) => text,
            Some(Value::Wrong(reason)) => return Err(InvalidField::new(name, reason)),
        };
        match text.parse() {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(InvalidField::new(name, expected)),
        }
    }

    /// Whether there is a value that is no empty text.
    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, value)| known == name && *value != Value::Text(String::new()))
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(at).1)
    }
}

/// One of two ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Either {
    First(Id),
    Second(Id),
}

/// A name from outside, short enough for an answer.
pub(crate) fn shown(name: String) -> String {
    const SHOWN_MAX: usize = 64;
    if name.chars().count() <= SHOWN_MAX { name } else { name.chars().take(SHOWN_MAX).collect() }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Fields as a form would bring them.
    pub(crate) fn form(pairs: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        for (name, value) in pairs {
            fields.add((*name).to_owned(), Value::Text((*value).to_owned())).unwrap();
        }
        fields
    }

    fn refusal<T: std::fmt::Debug>(result: Result<T, InvalidField>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn a_missing_field_is_named() {
        assert_eq!(refusal(form(&[]).text("title")), "title: is required");
        assert_eq!(refusal(form(&[]).id("video_id")), "video_id: is required");
        assert_eq!(refusal(form(&[("video_id", "")]).id("video_id")), "video_id: is required");
    }

    #[test]
    fn a_field_of_the_wrong_type_is_named() {
        for text in ["x", "-1", "0", "1.5", "99999999999999999999"] {
            assert!(refusal(form(&[("video_id", text)]).id("video_id")).starts_with("video_id: "), "{text}");
        }
        assert_eq!(refusal(form(&[("n", "3")]).integer("n", 1, 2)), "n: must be 1 to 2");
        assert!(
            refusal(form(&[("latest_time", "1e9")]).optional_time("latest_time")).starts_with("latest_time")
        );
        assert!(refusal(form(&[("page_num", "-1")]).page()).starts_with("page_num"));
        assert!(refusal(form(&[("page_size", "101")]).page()).starts_with("page_size"));
    }

    #[test]
    fn a_number_is_no_text_but_text_may_be_a_number() {
        let mut fields = Fields::default();
        fields.add("title".into(), Value::Number("5".into())).unwrap();
        fields.add("page_num".into(), Value::Number("5".into())).unwrap();
        assert_eq!(refusal(fields.text("title")), "title: must be a string");
        assert_eq!(fields.page(), Ok(Page { num: 5, size: 10 }));
    }

    #[test]
    fn a_field_may_come_once() {
        let mut fields = form(&[("a", "1")]);
        assert_eq!(refusal(fields.add("a".into(), Value::Text("2".into()))), "a: was sent more than once");
    }

    #[test]
    fn the_number_of_fields_is_limited() {
        let mut fields = Fields::default();
        let added = (0..100).try_for_each(|n| fields.add(format!("f{n}"), Value::Text(String::new())));
        assert!(refusal(added).contains("too many"));
    }

    #[test]
    fn exactly_one_of_two_ids_is_taken() {
        let ids = |pairs: &[(&str, &str)]| form(pairs).one_of("video_id", "comment_id");
        assert_eq!(ids(&[("video_id", "7")]), Ok(Either::First(Id(7))));
        assert_eq!(ids(&[("comment_id", "7"), ("video_id", "")]), Ok(Either::Second(Id(7))));
        assert!(refusal(ids(&[])).starts_with("video_id"));
        assert!(refusal(ids(&[("video_id", "7"), ("comment_id", "8")])).starts_with("video_id"));
    }
}
