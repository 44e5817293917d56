//! JSON documents as dynamic values, and back.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess, Visitor};

use crate::failure::Failure;
use crate::kind::Kind;
use crate::time;
use crate::value::Value;

/// Reads one document. Whole numbers become int (uint above its range), all others double; of a key that occurs
/// twice the last value counts.
pub(crate) fn parse(text: &str) -> Result<Value, Failure> {
    serde_json::from_str::<Document>(text)
        .map(|document| document.0)
        .map_err(|error| Failure::new("invalid_json", format!("the text is not a JSON document: {error}")))
}

struct Document(Value);

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DocumentVisitor).map(Self)
    }
}

struct DocumentVisitor;

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::Uint(value), Value::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Double(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::string(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Document(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(Value::List(values.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut values: Vec<(Value, Value)> = Vec::new();
        let mut places = std::collections::HashMap::<Arc<str>, usize>::new();
        while let Some((key, Document(value))) = entries.next_entry::<String, Document>()? {
            let key: Arc<str> = key.into();
            let place = *places.entry(key.clone()).or_insert(values.len());
            match values.get_mut(place) {
                Some(entry) => entry.1 = value,
                None => values.push((Value::String(key), value)),
            }
        }
        Ok(Value::Map(values.into()))
    }
}

/// A JSON value as a constant, with the type of the column that it fills.
pub(crate) fn constant(value: &serde_json::Value) -> (Value, Kind) {
    match value {
        serde_json::Value::Null => (Value::Null, Kind::Null),
        serde_json::Value::Bool(value) => (Value::Bool(*value), Kind::Bool),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => (Value::Int(value), Kind::Int),
            (None, Some(value)) => (Value::Uint(value), Kind::Uint),
            (None, None) => (number.as_f64().map_or(Value::Null, Value::Double), Kind::Double),
        },
        serde_json::Value::String(text) => (Value::string(text.as_str()), Kind::String),
        serde_json::Value::Array(items) => {
            let items: Vec<(Value, Kind)> = items.iter().map(constant).collect();
            let kind = items
                .iter()
                .try_fold(Kind::Never, |joined, (_, kind)| joined.join(kind))
                .unwrap_or(Kind::Dyn);
            (Value::List(items.into_iter().map(|(value, _)| value).collect()), Kind::List(Box::new(kind)))
        }
        serde_json::Value::Object(fields) => {
            let fields: Vec<(&String, Value, Kind)> = fields
                .iter()
                .map(|(name, value)| {
                    let (value, kind) = constant(value);
                    (name, value, kind)
                })
                .collect();
            let kind =
                Kind::Struct(fields.iter().map(|(name, _, kind)| ((*name).clone(), kind.clone())).collect());
            let entries = fields.into_iter().map(|(name, value, _)| (Value::string(name.as_str()), value));
            (Value::Map(entries.collect()), kind)
        }
    }
}

/// The value as JSON: bytes in base64, timestamps in RFC 3339, durations as seconds with `s`.
pub(crate) fn to_json(value: &Value) -> Result<serde_json::Value, Failure> {
    Ok(match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::Uint(value) => (*value).into(),
        Value::Double(value) => {
            serde_json::Number::from_f64(*value).map(serde_json::Value::Number).ok_or_else(|| {
                Failure::new(
                    "not_representable",
                    format!("{value} cannot be written as JSON; use string(...)"),
                )
            })?
        }
        Value::String(value) => value.as_ref().into(),
        Value::Bytes(value) => BASE64_STANDARD.encode(value).into(),
        Value::Timestamp(nanos) => time::timestamp_to_string(*nanos)?.into(),
        Value::Duration(nanos) => time::duration_to_string(*nanos).into(),
        Value::List(items) => serde_json::Value::Array(items.iter().map(to_json).collect::<Result<_, _>>()?),
        Value::Map(entries) => {
            let mut object = serde_json::Map::new();
            for (key, value) in entries.iter() {
                let name = key_text(key);
                if object.contains_key(&name) {
                    return Err(Failure::new(
                        "not_representable",
                        format!("two keys of the map are the same text `{name}` in JSON"),
                    ));
                }
                object.insert(name, to_json(value)?);
            }
            serde_json::Value::Object(object)
        }
    })
}

fn key_text(key: &Value) -> String {
    match key {
        Value::String(text) => text.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => value.to_string(),
        other => format!("{other:?}"),
    }
}
