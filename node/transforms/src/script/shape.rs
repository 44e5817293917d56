use std::sync::Arc;

use arrow::datatypes::{DataType, Field, TimeUnit};
use etl_model::json_field;
use rhai::Dynamic;

use crate::script::moment::Moment;

/// What kind of values a column holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    Null,
    Bool,
    Int,
    Float,
    Text,
    Bytes,
    Date,
    /// In microseconds, or in nanoseconds where a value needs them.
    Time(TimeUnit),
    List(Box<Shape>),
    /// In order of their first appearance.
    Record(Vec<(String, Shape)>),
    /// Values of several kinds, as JSON.
    Json,
}

impl Shape {
    /// The kind of one value; `None` where no column can hold it.
    pub fn of(value: &Dynamic) -> Option<Self> {
        if let Ok(items) = value.as_array_ref() {
            let kinds = items.iter().map(Self::of);
            let joined = kinds.reduce(|a, b| Some(a?.join(b?))).unwrap_or(Some(Self::Null))?;
            return Some(Self::List(Box::new(joined)));
        }
        if let Ok(fields) = value.as_map_ref() {
            if fields.is_empty() {
                return Some(Self::Json);
            }
            let fields = fields.iter().map(|(name, value)| Some((name.to_string(), Self::of(value)?)));
            return Some(Self::Record(fields.collect::<Option<_>>()?));
        }
        if let Some(moment) = value.read_lock::<Moment>() {
            let unit = if moment.nanos % 1000 == 0 { TimeUnit::Microsecond } else { TimeUnit::Nanosecond };
            return Some(if moment.is_date { Self::Date } else { Self::Time(unit) });
        }
        Some(if value.is_unit() {
            Self::Null
        } else if value.is_bool() {
            Self::Bool
        } else if value.is_int() {
            Self::Int
        } else if value.is_float() {
            Self::Float
        } else if value.is_string() || value.is_char() {
            Self::Text
        } else if value.is_blob() {
            Self::Bytes
        } else {
            return None;
        })
    }

    /// The kind that holds values of both.
    pub fn join(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (Self::Null, kind) | (kind, Self::Null) => kind,
            (Self::Time(_), Self::Time(_)) => Self::Time(TimeUnit::Nanosecond),
            (Self::List(a), Self::List(b)) => Self::List(Box::new(a.join(*b))),
            (Self::Record(mut fields), Self::Record(others)) => {
                for (name, kind) in others {
                    match fields.iter_mut().find(|(known, _)| *known == name) {
                        Some((_, known)) => *known = std::mem::replace(known, Self::Null).join(kind),
                        None => fields.push((name, kind)),
                    }
                }
                Self::Record(fields)
            }
            _ => Self::Json,
        }
    }

    /// The column for values of this kind.
    pub fn field(&self, name: &str) -> Field {
        let data_type = match self {
            Self::Json => return json_field(name, true),
            Self::Null => DataType::Null,
            Self::Bool => DataType::Boolean,
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Text => DataType::Utf8,
            Self::Bytes => DataType::Binary,
            Self::Date => DataType::Date32,
            Self::Time(unit) => DataType::Timestamp(*unit, Some("+00:00".into())),
            Self::List(item) => DataType::List(Arc::new(item.field("item"))),
            Self::Record(fields) => {
                DataType::Struct(fields.iter().map(|(name, kind)| kind.field(name)).collect())
            }
        };
        Field::new(name, data_type, true)
    }

    /// As messages name it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "double",
            Self::Text => "string",
            Self::Bytes => "bytes",
            Self::Date => "date",
            Self::Time(_) => "timestamp",
            Self::List(_) => "list",
            Self::Record(_) => "record",
            Self::Json => "json",
        }
    }
}
