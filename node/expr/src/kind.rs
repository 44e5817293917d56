use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use etl_model::{is_json, json_field};

/// The static type of an expression against one schema.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// Has no value in any row: a field that the schema lacks.
    Never,
    Null,
    /// Known per row only: JSON columns, mixed lists, `dyn()`.
    Dyn,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Timestamp,
    Duration,
    List(Box<Kind>),
    Map(Box<Kind>, Box<Kind>),
    /// Null where it holds nothing.
    Optional(Box<Kind>),
    Struct(Arc<[(String, Kind)]>),
    /// A type without a counterpart in CEL: can be carried over and compared with null.
    Opaque(DataType),
}

impl Kind {
    /// The type of a column's values.
    pub fn of(field: &Field) -> Self {
        if is_json(field) { Self::Dyn } else { Self::of_type(field.data_type()) }
    }

    fn of_type(data_type: &DataType) -> Self {
        match data_type {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Bool,
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => Self::Int,
            DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => Self::Uint,
            DataType::Float16 | DataType::Float32 | DataType::Float64 => Self::Double,
            DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..) => Self::Double,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::String,
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => Self::Bytes,
            DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => Self::Timestamp,
            DataType::Duration(_) => Self::Duration,
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
                Self::List(Box::new(Self::of(item)))
            }
            DataType::Struct(fields) => {
                Self::Struct(fields.iter().map(|field| (field.name().clone(), Self::of(field))).collect())
            }
            DataType::Map(entries, _) => match entries.data_type() {
                DataType::Struct(fields) if fields.len() == 2 => {
                    let mut kinds = fields.iter().map(|field| Self::of(field));
                    match (kinds.next(), kinds.next()) {
                        (Some(key), Some(value)) => Self::Map(Box::new(key), Box::new(value)),
                        _ => Self::Opaque(data_type.clone()),
                    }
                }
                _ => Self::Opaque(data_type.clone()),
            },
            DataType::Dictionary(_, values) => Self::of_type(values),
            DataType::RunEndEncoded(_, values) => Self::of(values),
            other => Self::Opaque(other.clone()),
        }
    }

    pub fn is_numeric(&self) -> bool {
        matches!(self, Self::Int | Self::Uint | Self::Double)
    }

    /// Whether some part of the type has no counterpart in CEL.
    pub fn opaque(&self) -> Option<&DataType> {
        match self {
            Self::Opaque(data_type) => Some(data_type),
            Self::List(item) | Self::Optional(item) => item.opaque(),
            Self::Map(key, value) => key.opaque().or_else(|| value.opaque()),
            Self::Struct(fields) => fields.iter().find_map(|(_, kind)| kind.opaque()),
            _ => None,
        }
    }

    /// The type that holds values of both; `None` where there is none but `dyn`.
    pub fn join(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (a, b) if a == b => Some(a.clone()),
            (Self::Never, kind) | (kind, Self::Never) | (Self::Null, kind) | (kind, Self::Null) => {
                Some(kind.clone())
            }
            (Self::Dyn, _) | (_, Self::Dyn) => Some(Self::Dyn),
            (Self::List(a), Self::List(b)) => a.join(b).map(|item| Self::List(Box::new(item))),
            (Self::Optional(a), Self::Optional(b)) => a.join(b).map(|held| Self::Optional(Box::new(held))),
            (Self::Map(ka, va), Self::Map(kb, vb)) => {
                Some(Self::Map(Box::new(ka.join(kb)?), Box::new(va.join(vb)?)))
            }
            _ => None,
        }
    }

    /// Whether `==` between the two is an overload of CEL.
    pub fn comparable(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Never | Self::Dyn | Self::Null, _) | (_, Self::Never | Self::Dyn | Self::Null) => true,
            (a, b) if a.is_numeric() && b.is_numeric() => true,
            (Self::List(a), Self::List(b)) | (Self::Optional(a), Self::Optional(b)) => a.comparable(b),
            (Self::Map(ka, va), Self::Map(kb, vb)) => ka.comparable(kb) && va.comparable(vb),
            (Self::Struct(_), Self::Struct(_) | Self::Map(..)) | (Self::Map(..), Self::Struct(_)) => true,
            (a, b) => a == b,
        }
    }

    /// The column that holds values of this type; `unit` is that of timestamps and durations.
    pub fn field(&self, name: &str, unit: TimeUnit) -> Field {
        match self {
            Self::Dyn => json_field(name, true),
            Self::Optional(held) => held.field(name, unit),
            kind => Field::new(name, kind.data_type(unit), true),
        }
    }

    pub fn data_type(&self, unit: TimeUnit) -> DataType {
        match self {
            Self::Never | Self::Null => DataType::Null,
            Self::Dyn | Self::String => DataType::Utf8,
            Self::Bool => DataType::Boolean,
            Self::Int => DataType::Int64,
            Self::Uint => DataType::UInt64,
            Self::Double => DataType::Float64,
            Self::Bytes => DataType::Binary,
            Self::Timestamp => DataType::Timestamp(unit, Some("+00:00".into())),
            Self::Duration => DataType::Duration(unit),
            Self::List(item) => DataType::List(Arc::new(item.field("item", unit))),
            Self::Map(key, value) => {
                let key = key.field("key", unit).with_nullable(false);
                let entries = Fields::from(vec![key, value.field("value", unit)]);
                DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false)
            }
            Self::Struct(fields) => {
                DataType::Struct(fields.iter().map(|(name, kind)| kind.field(name, unit)).collect())
            }
            Self::Optional(held) => held.data_type(unit),
            Self::Opaque(data_type) => data_type.clone(),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("missing field"),
            Self::Null => f.write_str("null"),
            Self::Dyn => f.write_str("dyn"),
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Uint => f.write_str("uint"),
            Self::Double => f.write_str("double"),
            Self::String => f.write_str("string"),
            Self::Bytes => f.write_str("bytes"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Duration => f.write_str("duration"),
            Self::List(item) => write!(f, "list({item})"),
            Self::Optional(held) => write!(f, "optional({held})"),
            Self::Map(key, value) => write!(f, "map({key}, {value})"),
            Self::Struct(fields) => {
                f.write_str("struct{")?;
                for (i, (name, _)) in fields.iter().take(4).enumerate() {
                    write!(f, "{}{name}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str(if fields.len() > 4 { ", ...}" } else { "}" })
            }
            Self::Opaque(data_type) => write!(f, "{data_type}"),
        }
    }
}
