//! Schemas, batches and their rows as plain values, by a seed.

use arrow::datatypes::{DataType, Field};
use etl_model::{Batch, json_field};
use serde_json::{Map, Value, json};

use crate::batches::{batch, field, list, record};

/// SplitMix64: the same numbers for a seed, for ever.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    pub fn pick<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[self.below(of.len())]
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    Int,
    Float,
    Text,
    Bool,
    /// With 12 digits, 3 of them behind the point; its values are texts here.
    Decimal,
    /// Its values are what the documents hold.
    Json,
    List(Box<Kind>),
    Record(Vec<(String, Kind)>),
    Map(Box<Kind>),
}

const TEXTS: [&str; 16] = [
    "",
    "x",
    "Köln 🏙",
    "12",
    "-7",
    "+5",
    "1.5",
    "0.1234",
    "1e3",
    "9223372036854775808",
    "true",
    "F",
    "NaN",
    "[1]",
    "{\"a\": 1}",
    "2026-01-31",
];
const NAMES: [&str; 6] = ["a", "b", "c", "a_b", "n", "x_y"];

impl Kind {
    /// A type that may stand inside of others, `depth` of which are left.
    fn any(random: &mut Random, depth: usize) -> Self {
        match random.below(if depth == 0 { 5 } else { 8 }) {
            0 => Self::Int,
            1 => Self::Float,
            2 => Self::Text,
            3 => Self::Bool,
            4 => Self::Json,
            5 => Self::List(Box::new(Self::any(random, depth - 1))),
            6 => Self::Record(fields(random, depth - 1)),
            _ => Self::Map(Box::new(Self::any(random, depth - 1))),
        }
    }

    pub fn field(&self, name: &str) -> Field {
        match self {
            Self::Int => field(name, DataType::Int64),
            Self::Float => field(name, DataType::Float64),
            Self::Text => field(name, DataType::Utf8),
            Self::Bool => field(name, DataType::Boolean),
            Self::Decimal => field(name, DataType::Decimal128(12, 3)),
            Self::Json => json_field(name, true),
            Self::List(item) => list(name, item.field("item")),
            Self::Record(fields) => {
                record(name, fields.iter().map(|(name, kind)| kind.field(name)).collect())
            }
            Self::Map(value) => {
                let key = field("keys", DataType::Utf8).with_nullable(false);
                let entries = record("entries", vec![key, value.field("values")]).with_nullable(false);
                field(name, DataType::Map(entries.into(), false))
            }
        }
    }

    pub fn value(&self, random: &mut Random) -> Value {
        if random.one_in(5) {
            return Value::Null;
        }
        match self {
            Self::Int => json!(*random.pick(&[0, 1, -1, 42, i64::MAX, i64::MIN, 9_007_199_254_740_993])),
            Self::Float => json!(*random.pick(&[0.0, 1.0, -2.5, 0.125, 1e300, 4294967296.0, -3.0])),
            Self::Text => json!(random.pick(&TEXTS)),
            Self::Bool => json!(random.one_in(2)),
            Self::Decimal => {
                json!(random.pick(&["0.000", "1.000", "-12.500", "123456789.125", "0.001", "-7.000"]))
            }
            Self::Json => document(random, 2),
            Self::List(item) => (0..random.below(4)).map(|_| item.value(random)).collect(),
            Self::Record(fields) => row(fields, random),
            Self::Map(value) => {
                let keys = ["a", "n", "z"].into_iter().filter(|_| random.one_in(2)).collect::<Vec<_>>();
                keys.into_iter()
                    .map(|key| (key.to_owned(), value.value(random)))
                    .collect::<Map<_, _>>()
                    .into()
            }
        }
    }

    /// The value as Arrow's reader of JSON takes it: documents are texts there.
    fn written(&self, value: &Value) -> Value {
        match (self, value) {
            (_, Value::Null) => Value::Null,
            (Self::Json, document) => Value::String(document.to_string()),
            (Self::List(item), Value::Array(items)) => {
                items.iter().map(|value| item.written(value)).collect()
            }
            (Self::Record(fields), record) => written(fields, record),
            (Self::Map(kind), Value::Object(entries)) => entries
                .iter()
                .map(|(key, value)| (key.clone(), kind.written(value)))
                .collect::<Map<_, _>>()
                .into(),
            (_, value) => value.clone(),
        }
    }
}

fn document(random: &mut Random, depth: usize) -> Value {
    match random.below(if depth == 0 { 4 } else { 6 }) {
        0 => json!(random.below(100)),
        1 => json!(random.pick(&TEXTS)),
        2 => json!(random.one_in(2)),
        3 => json!(-1.5),
        4 => (0..random.below(3)).map(|_| document(random, depth - 1)).collect(),
        _ => {
            let names: Vec<&str> = NAMES.into_iter().filter(|_| random.one_in(3)).collect();
            names
                .into_iter()
                .map(|name| (name.to_owned(), document(random, depth - 1)))
                .collect::<Map<_, _>>()
                .into()
        }
    }
}

/// Fields with different names, at least one.
pub fn fields(random: &mut Random, depth: usize) -> Vec<(String, Kind)> {
    let mut names: Vec<&str> = NAMES.into_iter().filter(|_| random.one_in(2)).collect();
    if names.is_empty() {
        names.push("a");
    }
    names.into_iter().map(|name| (name.to_owned(), Kind::any(random, depth))).collect()
}

pub fn row(fields: &[(String, Kind)], random: &mut Random) -> Value {
    fields.iter().map(|(name, kind)| (name.clone(), kind.value(random))).collect::<Map<_, _>>().into()
}

fn written(fields: &[(String, Kind)], row: &Value) -> Value {
    fields.iter().map(|(name, kind)| (name.clone(), kind.written(&row[name]))).collect::<Map<_, _>>().into()
}

/// The batch of rows, with ordinals 10, 20, ...
pub fn of_rows(fields: &[(String, Kind)], rows: &[Value]) -> Batch {
    let written: Vec<Value> = rows.iter().map(|row| written(fields, row)).collect();
    batch(fields.iter().map(|(name, kind)| kind.field(name)).collect(), &written)
}

/// Every path to a field, through records alone.
pub fn paths(fields: &[(String, Kind)]) -> Vec<(String, Kind)> {
    let inside = |(name, kind): &(String, Kind)| {
        let own = (name.clone(), kind.clone());
        let deeper = match kind {
            Kind::Record(fields) => paths(fields),
            _ => Vec::new(),
        };
        std::iter::once(own)
            .chain(deeper.into_iter().map(|(path, kind)| (format!("{name}.{path}"), kind)))
            .collect::<Vec<_>>()
    };
    fields.iter().flat_map(inside).collect()
}

/// The value at a path through records; null behind null.
pub fn at<'v>(row: &'v Value, path: &str) -> &'v Value {
    path.split('.').fold(row, |value, part| &value[part])
}

/// Puts a value where a path leads, unless a record around is null.
pub fn put(row: &mut Value, path: &str, value: Option<Value>) {
    let (parents, name) = path.rsplit_once('.').map_or((None, path), |(parents, name)| (Some(parents), name));
    let parent = parents
        .into_iter()
        .flat_map(|parents| parents.split('.'))
        .fold(row, |value, part| if value.is_null() { value } else { &mut value[part] });
    let Some(parent) = parent.as_object_mut() else { return };
    match value {
        Some(value) => drop(parent.insert(name.to_owned(), value)),
        None => drop(parent.shift_remove(name)),
    }
}
