use std::fmt;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The fields of a JSON object in their order, each value as it is written; numbers keep all of their digits.
pub(crate) fn fields(text: &str) -> Result<Vec<(String, &RawValue)>, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let fields = reader.deserialize_map(FieldsVisitor)?;
    reader.end()?;
    Ok(fields)
}

/// The items of a JSON array, each as it is written.
pub(crate) fn items(text: &str) -> Result<Vec<&RawValue>, serde_json::Error> {
    serde_json::from_str(text)
}

/// What a JSON text holds, by its first character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JsonKind {
    Null,
    Bool,
    Number,
    Text,
    Array,
    Object,
}

impl JsonKind {
    /// `None` for a text that is no JSON.
    pub fn of(text: &str) -> Option<Self> {
        match text.trim_start().as_bytes().first()? {
            b'n' => Some(Self::Null),
            b't' | b'f' => Some(Self::Bool),
            b'"' => Some(Self::Text),
            b'[' => Some(Self::Array),
            b'{' => Some(Self::Object),
            b'-' | b'0'..=b'9' => Some(Self::Number),
            _ => None,
        }
    }

    /// As a message says it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a bool",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::Array => "a list",
            Self::Object => "a record",
        }
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(fields)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_as_they_are_written() {
        let found = fields(r#" {"b": 0.10000000000000000000001, "a\n": [1, {}], "b": null} "#).unwrap();
        let found: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.get())).collect();
        assert_eq!(found, [("b", "0.10000000000000000000001"), ("a\n", "[1, {}]"), ("b", "null")]);
        assert!(fields("{} x").is_err() && fields("[]").is_err());
        assert_eq!(items("[1e400, \"x\"]").unwrap()[0].get(), "1e400");
        assert_eq!(JsonKind::of(" -1").map(JsonKind::word), Some("a number"));
    }
}
