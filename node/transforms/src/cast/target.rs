use std::fmt;

use arrow::datatypes::{DataType, Field, TimeUnit};
use etl_model::json_field;
use etl_sdk::FieldError;

/// What values are cast to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    String,
    Int,
    Uint,
    Float,
    /// Digits, and how many of them behind the point.
    Decimal(u8, i8),
    Bool,
    Date,
    Timestamp,
    Bytes,
    Json,
}

const NAMES: &str = "string, int, uint, float, decimal(P,S), bool, date, timestamp, bytes and json";

impl Target {
    /// Reads the name of a type as it is written in a workflow.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        Ok(match text.trim() {
            "string" => Self::String,
            "int" => Self::Int,
            "uint" => Self::Uint,
            "float" => Self::Float,
            "bool" => Self::Bool,
            "date" => Self::Date,
            "timestamp" => Self::Timestamp,
            "bytes" => Self::Bytes,
            "json" => Self::Json,
            other => return Self::decimal(other).ok_or_else(|| unknown(text)),
        })
    }

    /// `decimal(P,S)` with 1 to 38 digits, of which S stand behind the point.
    fn decimal(text: &str) -> Option<Self> {
        let inside = text.strip_prefix("decimal")?.trim().strip_prefix('(')?.strip_suffix(')')?;
        let (precision, scale) = inside.split_once(',').unwrap_or((inside, "0"));
        let (precision, scale) = (precision.trim().parse().ok()?, scale.trim().parse().ok()?);
        let fits = (1..=38).contains(&precision) && (0..=38).contains(&scale);
        (fits && i16::from(scale) <= i16::from(precision)).then_some(Self::Decimal(precision, scale))
    }

    /// A nullable field of that name.
    pub fn field(self, name: &str) -> Field {
        let data_type = match self {
            Self::Json => return json_field(name, true),
            Self::String => DataType::Utf8,
            Self::Int => DataType::Int64,
            Self::Uint => DataType::UInt64,
            Self::Float => DataType::Float64,
            Self::Decimal(precision, scale) => DataType::Decimal128(precision, scale),
            Self::Bool => DataType::Boolean,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())),
            Self::Bytes => DataType::Binary,
        };
        Field::new(name, data_type, true)
    }

    /// Whether a `format` says something about it.
    pub fn has_format(self) -> bool {
        matches!(self, Self::Date | Self::Timestamp)
    }
}

fn unknown(text: &str) -> FieldError {
    let error = FieldError::new("unknown_type", format!("`{text}` is not a type"));
    let help = match text.trim().starts_with("decimal") {
        true => "write decimal(P,S) with P from 1 to 38 digits, of which S stand behind the point".to_owned(),
        false => format!("the types are {NAMES}"),
    };
    error.with_help(help)
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::String => "string",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Float => "float",
            Self::Decimal(precision, scale) => return write!(f, "decimal({precision},{scale})"),
            Self::Bool => "bool",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::Bytes => "bytes",
            Self::Json => "json",
        })
    }
}
