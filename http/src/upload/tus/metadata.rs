//! `Upload-Metadata`: what the client says of its file, as `name base64, name base64, …`.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use fanone_base::InvalidField;

/// Takes values with and without padding, and writes it.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What becomes of the metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Metadata {
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) filename: String,
}

impl Metadata {
    /// Reads the header. Names that mean nothing here are passed over: clients send some of their own.
    pub(crate) fn parse(header: &str) -> Result<Self, InvalidField> {
        let (mut title, mut description, mut filename) = (None, None, None);
        for pair in header.split(',').map(str::trim) {
            let (name, encoded) = pair.split_once(' ').unwrap_or((pair, ""));
            let (name, place) = match name {
                "title" => ("title", &mut title),
                "description" => ("description", &mut description),
                "filename" => ("filename", &mut filename),
                _ => continue,
            };
            if place.replace(value(name, encoded.trim())?).is_some() {
                return Err(InvalidField::new(name, "was sent more than once in Upload-Metadata"));
            }
        }
        let title =
            title.filter(|title: &String| !title.is_empty()).ok_or_else(|| InvalidField::missing("title"))?;
        Ok(Self {
            title,
            description: description.unwrap_or_default(),
            filename: filename.unwrap_or_default(),
        })
    }

    /// As the header says it.
    pub(crate) fn format(&self) -> String {
        let pairs =
            [("title", &self.title), ("description", &self.description), ("filename", &self.filename)];
        let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        let pairs: Vec<String> =
            pairs.map(|(name, value)| format!("{name} {}", BASE64.encode(value))).collect();
        pairs.join(",")
    }
}

fn value(name: &'static str, encoded: &str) -> Result<String, InvalidField> {
    let Ok(bytes) = BASE64.decode(encoded) else {
        return Err(InvalidField::new(name, "must be Base64 in Upload-Metadata"));
    };
    String::from_utf8(bytes).map_or_else(|_| Err(InvalidField::new(name, "must be UTF-8")), Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_are_read_and_others_passed_over() {
        let header = "title 5L2g5aW9, filename Y2xpcC5tcDQ=,description,filetype dmlkZW8vbXA0,is_x";
        let metadata = Metadata::parse(header).unwrap();
        let expected =
            Metadata { title: "你好".into(), description: String::new(), filename: "clip.mp4".into() };
        assert_eq!(metadata, expected);
        assert_eq!(Metadata::parse("title YQ").unwrap().title, "a", "without padding");
    }

    #[test]
    fn what_is_written_can_be_read() {
        let metadata = Metadata { title: "a, b".into(), description: "c".into(), filename: String::new() };
        assert_eq!(Metadata::parse(&metadata.format()), Ok(metadata));
    }

    #[test]
    fn a_wrong_value_is_named() {
        for (header, reason) in [
            ("", "title: is required"),
            ("title", "title: is required"),
            ("title ", "title: is required"),
            ("title !!!", "title: must be Base64 in Upload-Metadata"),
            ("title /////w==", "title: must be UTF-8"),
            ("title YQ==,title Yg==", "title: was sent more than once in Upload-Metadata"),
            ("title YQ==,filename ?", "filename: must be Base64 in Upload-Metadata"),
        ] {
            assert_eq!(Metadata::parse(header).unwrap_err().to_string(), reason, "{header}");
        }
    }
}
