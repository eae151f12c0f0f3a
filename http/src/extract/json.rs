//! A JSON object as fields. It is read pair by pair, because a map would hide a name that comes twice.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::fields::Value;

/// The pairs of an object in the order in which they came.
pub(crate) struct Pairs(pub(crate) Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, serde_json::Value>()? {
                    match value {
                        serde_json::Value::Null => {}
                        serde_json::Value::String(text) => pairs.push((name, Value::Text(text))),
                        serde_json::Value::Number(number) => {
                            pairs.push((name, Value::Number(number.to_string())));
                        }
                        _ => pairs.push((name, Value::Wrong("must be a string or a number"))),
                    }
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_what_matters_of_their_types() {
        let Pairs(pairs) = serde_json::from_str(r#"{"a":"1","b":2,"c":null,"d":[1],"a":"3"}"#).unwrap();
        let expected = [
            ("a", Value::Text("1".into())),
            ("b", Value::Number("2".into())),
            ("d", Value::Wrong("must be a string or a number")),
            ("a", Value::Text("3".into())),
        ];
        assert!(
            pairs
                .iter()
                .map(|(name, value)| (name.as_str(), value))
                .eq(expected.iter().map(|(n, v)| (*n, v)))
        );
    }

    #[test]
    fn only_an_object_has_fields() {
        for text in ["[]", "1", "\"a\"", "null", "{", ""] {
            assert!(serde_json::from_str::<Pairs>(text).is_err(), "{text}");
        }
    }
}
