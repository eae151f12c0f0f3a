//! What a user may be called, and when two names are the same.

use fanone_base::{Bucket, InvalidField};
use unicode_normalization::UnicodeNormalization;

/// Characters after normalisation.
const CHARS_MAX: usize = 32;
/// A longer text is not even normalised.
const BYTES_MAX: usize = 1024;
const FIELD: &str = "username";

/// The name of a user: NFKC, 1 to 32 characters, none of them a control character, no white space at the ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Username {
    shown: String,
    key: String,
}

impl Username {
    /// The name that a client sent.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidField> {
        if text.is_empty() {
            return Err(InvalidField::missing(FIELD));
        }
        let too_long = || InvalidField::new(FIELD, format!("must be at most {CHARS_MAX} characters"));
        if text.len() > BYTES_MAX {
            return Err(too_long());
        }
        let shown: String = text.nfkc().collect();
        if shown.chars().count() > CHARS_MAX {
            return Err(too_long());
        }
        if shown.chars().any(|c| c.is_control() || is_invisible(c)) {
            return Err(InvalidField::new(FIELD, "must have no control characters"));
        }
        let key = fold(&shown);
        if shown.trim() != shown || key.is_empty() {
            return Err(InvalidField::new(FIELD, "must neither start nor end with white space"));
        }
        Ok(Self { shown, key })
    }

    /// As it is shown.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// Equal for names that differ in nothing but case.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// Where the account of this name lives.
    pub(crate) fn bucket(&self) -> Bucket {
        Bucket::of_name(&self.key)
    }
}

/// Upper case first, so that letters with several lower-case forms (σ and ς) or none (ß) meet in one.
fn fold(name: &str) -> String {
    let upper = name.chars().filter(|c| !is_joiner(*c)).flat_map(char::to_uppercase);
    upper.flat_map(char::to_lowercase).nfkc().collect()
}

/// What shapes its neighbours in some scripts and emoji, and otherwise cannot be seen: names that
/// differ in nothing else are the same.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Format characters that reverse or hide text, so that one name could look like another.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> String {
        Username::parse(text).unwrap().key().to_owned()
    }

    #[test]
    fn a_name_is_normalised_and_keeps_its_case() {
        let name = Username::parse("Ａlice ①").unwrap();
        assert_eq!((name.shown(), name.key()), ("Alice 1", "alice 1"));
        assert_eq!(name.bucket(), Username::parse("aLICE 1").unwrap().bucket());
        assert_eq!(Username::parse("小明").unwrap().shown(), "小明");
    }

    #[test]
    fn names_that_differ_in_case_only_are_the_same() {
        assert_eq!(key("ΟΔΥΣΣΕΥΣ"), key("οδυσσευς"));
        assert_eq!(key("Straße"), key("STRASSE"));
        assert_eq!(key("Ünal"), key("u\u{308}NAL"));
        assert_eq!(key("al\u{200d}ice"), key("alice"));
        assert_ne!(key("alice"), key("alicé"));
    }

    #[test]
    fn a_name_has_one_to_32_characters() {
        assert!(Username::parse(&"名".repeat(32)).is_ok());
        for text in ["".to_owned(), "a".repeat(33), "ﷺ".repeat(2), "a".repeat(100_000)] {
            assert_eq!(Username::parse(&text).unwrap_err().field, "username", "{}", text.len());
        }
    }

    #[test]
    fn control_characters_and_white_space_at_the_ends_are_refused() {
        for text in ["a\nb", "a\u{0}", "a\u{7f}b", "a\u{202e}b", " a", "a ", "\u{3000}a", " ", "\u{200d}"] {
            assert!(Username::parse(text).is_err(), "{text:?}");
        }
    }
}
