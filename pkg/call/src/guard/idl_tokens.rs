//! The words of an IDL file.

use std::{iter::Peekable, str::Chars};

/// A file that is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found:?}")]
pub(crate) struct IdlError {
    expected: String,
    found: String,
}

/// Identifiers, numbers, texts and single punctuation marks, without comments.
pub(crate) struct Tokens<'a> {
    chars: Peekable<Chars<'a>>,
    ahead: Option<String>,
}

impl<'a> Tokens<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        Self { chars: text.chars().peekable(), ahead: None }
    }

    /// The next word; empty at the end of the file.
    pub(crate) fn next(&mut self) -> String {
        match self.ahead.take() {
            Some(word) => word,
            None => self.read(),
        }
    }

    /// Takes the next word if it is `word`.
    pub(crate) fn skip(&mut self, word: &str) -> bool {
        let next = self.next();
        let same = next == word;
        if !same {
            self.ahead = Some(next);
        }
        same
    }

    /// Takes the next word, which must be `word`.
    pub(crate) fn expect(&mut self, word: &str) -> Result<(), IdlError> {
        let next = self.next();
        if next == word { Ok(()) } else { Err(Self::unexpected(word, next)) }
    }

    /// A number.
    pub(crate) fn number(&mut self) -> Result<i16, IdlError> {
        let word = self.next();
        word.parse().ok().ok_or_else(|| Self::unexpected("a field number", word))
    }

    pub(crate) fn unexpected(expected: &str, found: String) -> IdlError {
        IdlError { expected: expected.to_owned(), found }
    }

    fn read(&mut self) -> String {
        let part_of_word = |c: &char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
        loop {
            match self.chars.next() {
                None => return String::new(),
                Some(c) if c.is_whitespace() => {}
                Some('#') => self.skip_line(),
                Some('/') if self.chars.peek() == Some(&'/') => self.skip_line(),
                Some('"') => return self.chars.by_ref().take_while(|c| *c != '"').collect(),
                Some(c) if part_of_word(&c) => {
                    let mut word = c.to_string();
                    while let Some(c) = self.chars.next_if(part_of_word) {
                        word.push(c);
                    }
                    return word;
                }
                Some(c) => return c.to_string(),
            }
        }
    }

    fn skip_line(&mut self) {
        for c in self.chars.by_ref() {
            if c == '\n' {
                break;
            }
        }
    }
}
