//! `a=1&b=2`, in a query or a body. Unlike the usual parsers this one refuses text that is not UTF-8.

use std::borrow::Cow;

use fanone_base::InvalidField;
use percent_encoding::percent_decode;

use super::fields::{Fields, Value};

/// Adds the pairs in `text` to `fields`.
pub(crate) fn add_pairs(text: &[u8], fields: &mut Fields) -> Result<(), InvalidField> {
    for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let name = decode(halves.next().unwrap_or_default());
        let value = decode(halves.next().unwrap_or_default());
        let name = name.unwrap_or_else(|| "\u{fffd}".to_owned());
        fields.add(name, value.map_or(Value::Wrong("must be UTF-8"), Value::Text))?;
    }
    Ok(())
}

/// The text behind `+` and `%xx`; none if it is not UTF-8.
fn decode(encoded: &[u8]) -> Option<String> {
    let spaced: Cow<'_, [u8]> = if encoded.contains(&b'+') {
        encoded.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect()
    } else {
        Cow::Borrowed(encoded)
    };
    percent_decode(&spaced).decode_utf8().ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded() {
        let mut fields = Fields::default();
        add_pairs("a=1+2&b=%E4%BD%A0&c&&d=x=y".as_bytes(), &mut fields).unwrap();
        assert_eq!(fields.text("a").unwrap(), "1 2");
        assert_eq!(fields.text("b").unwrap(), "你");
        assert_eq!(fields.text("c").unwrap(), "");
        assert_eq!(fields.text("d").unwrap(), "x=y");
    }

    #[test]
    fn what_is_not_utf8_is_refused_by_its_field() {
        let mut fields = Fields::default();
        add_pairs(b"title=%ff", &mut fields).unwrap();
        assert_eq!(fields.text("title").unwrap_err().to_string(), "title: must be UTF-8");
    }
}
