use std::fmt;
use std::str::FromStr;

use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Field, Schema, TimeUnit};
use etl_model::json_field;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::FormatError;

/// A type that a user declares for a column: `string`, `int`, `float`, `boolean`, `date`, `timestamp`,
/// `decimal(precision, scale)` or `json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum ColumnType {
    /// Text.
    String,
    /// 64-bit integer.
    Int,
    /// 64-bit float.
    Float,
    /// `true` or `false`.
    Boolean,
    /// A day of the calendar.
    Date,
    /// An instant, to the microsecond; text without an offset is UTC.
    Timestamp,
    /// A decimal number of at most 38 digits.
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits behind the point.
        scale: u8,
    },
    /// Text that is a JSON document.
    Json,
}

/// A word that names no column type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a column type; use string, int, float, boolean, date, timestamp, decimal(p,s) with p from 1 to \
     38 and s from 0 to p, or json"
)]
pub struct UnknownColumnType {
    /// As given.
    pub text: String,
}

impl ColumnType {
    /// The nullable Arrow field of this type.
    pub fn field(&self, name: &str) -> Field {
        let data_type = match *self {
            Self::String => DataType::Utf8,
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Boolean => DataType::Boolean,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            // A scale of at most 38 fits into every byte.
            Self::Decimal { precision, scale } => DataType::Decimal128(precision, scale as i8),
            Self::Json => return json_field(name, true),
        };
        Field::new(name, data_type, true)
    }
}

impl FromStr for ColumnType {
    type Err = UnknownColumnType;

    fn from_str(text: &str) -> Result<Self, UnknownColumnType> {
        let unknown = || UnknownColumnType { text: text.to_owned() };
        Ok(match text.trim() {
            "string" => Self::String,
            "int" => Self::Int,
            "float" => Self::Float,
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "timestamp" => Self::Timestamp,
            "json" => Self::Json,
            other => {
                let numbers = other.strip_prefix("decimal").map(str::trim_start);
                let numbers = numbers.and_then(|rest| rest.strip_prefix('(')?.strip_suffix(')'));
                let (precision, scale) = numbers.and_then(|rest| rest.split_once(',')).ok_or_else(unknown)?;
                let precision: u8 = precision.trim().parse().map_err(|_| unknown())?;
                let scale: u8 = scale.trim().parse().map_err(|_| unknown())?;
                if !(1..=DECIMAL128_MAX_PRECISION).contains(&precision) || scale > precision {
                    return Err(unknown());
                }
                Self::Decimal { precision, scale }
            }
        })
    }
}

impl TryFrom<String> for ColumnType {
    type Error = UnknownColumnType;

    fn try_from(text: String) -> Result<Self, UnknownColumnType> {
        text.parse()
    }
}

impl From<ColumnType> for String {
    fn from(column_type: ColumnType) -> String {
        column_type.to_string()
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String => f.write_str("string"),
            Self::Int => f.write_str("int"),
            Self::Float => f.write_str("float"),
            Self::Boolean => f.write_str("boolean"),
            Self::Date => f.write_str("date"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            Self::Json => f.write_str("json"),
        }
    }
}

/// The schema with the declared types in place of the inferred ones.
///
/// # Errors
/// [`FormatError::Invalid`] for a declared column that the file does not have.
pub fn declare<'a>(
    schema: &Schema,
    declared: impl IntoIterator<Item = (&'a str, ColumnType)>,
) -> Result<Schema, FormatError> {
    let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
    for (name, column_type) in declared {
        let Some(field) = fields.iter_mut().find(|field| field.name() == name) else {
            let names: Vec<_> = schema.fields().iter().map(|field| format!("`{}`", field.name())).collect();
            return Err(FormatError::Invalid {
                format: "csv",
                message: format!(
                    "`schema` declares the column `{name}`, but the file has {}",
                    names.join(", ")
                ),
            });
        };
        *field = column_type.field(name).into();
    }
    Ok(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_round_trip() {
        for word in ["string", "int", "float", "boolean", "date", "timestamp", "decimal(38,38)", "json"] {
            assert_eq!(word.parse::<ColumnType>().unwrap().to_string(), word);
        }
        assert_eq!("decimal ( 10 , 2 )".parse(), Ok(ColumnType::Decimal { precision: 10, scale: 2 }));
    }

    #[test]
    fn other_words_are_refused() {
        for word in [
            "",
            "String",
            "integer",
            "decimal",
            "decimal(39,0)",
            "decimal(0,0)",
            "decimal(5,6)",
            "decimal(5)",
        ] {
            assert!(word.parse::<ColumnType>().is_err(), "{word}");
        }
    }

    #[test]
    fn declared_types_replace_inferred_ones() {
        let schema = Schema::new(vec![ColumnType::Int.field("a"), ColumnType::Int.field("b")]);
        let schema = declare(&schema, [("b", ColumnType::Json)]).unwrap();
        assert_eq!(schema.field(0).data_type(), &DataType::Int64);
        assert!(etl_model::is_json(schema.field(1)));
        let error = declare(&schema, [("c", ColumnType::Int)]).unwrap_err().to_string();
        assert!(error.contains("`c`, but the file has `a`, `b`"), "{error}");
    }
}
