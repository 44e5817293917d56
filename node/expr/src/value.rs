use std::cmp::Ordering;
use std::sync::Arc;

use crate::number;

/// A CEL value by itself: constants, elements of dynamic columns and operands of operations without a column kernel.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    String(Arc<str>),
    Bytes(Arc<[u8]>),
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    Timestamp(i128),
    /// Nanoseconds.
    Duration(i128),
    List(Arc<[Value]>),
    /// In order of insertion, no key twice.
    Map(Arc<[(Value, Value)]>),
}

impl Value {
    pub fn string(text: impl Into<Arc<str>>) -> Self {
        Self::String(text.into())
    }

    /// The name of the value's type in CEL.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::String(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::Timestamp(_) => "timestamp",
            Self::Duration(_) => "duration",
            Self::List(_) => "list",
            Self::Map(_) => "map",
        }
    }

    /// CEL's equality: numbers by value over all numeric types, other types only among themselves, NaN to nothing.
    pub fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::String(a), Self::String(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Timestamp(a), Self::Timestamp(b)) | (Self::Duration(a), Self::Duration(b)) => a == b,
            (Self::List(a), Self::List(b)) => {
                a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.equals(b))
            }
            (Self::Map(a), Self::Map(b)) => {
                a.len() == b.len()
                    && a.iter().all(|(key, value)| other.entry(key).is_some_and(|found| value.equals(found)))
            }
            _ => self.compare_numbers(other) == Some(Some(Ordering::Equal)),
        }
    }

    /// The order of two values: `None` where CEL defines none for these types, `Some(None)` for NaN.
    pub fn compare(&self, other: &Self) -> Option<Option<Ordering>> {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => Some(Some(a.cmp(b))),
            (Self::String(a), Self::String(b)) => Some(Some(a.cmp(b))),
            (Self::Bytes(a), Self::Bytes(b)) => Some(Some(a.cmp(b))),
            (Self::Timestamp(a), Self::Timestamp(b)) | (Self::Duration(a), Self::Duration(b)) => {
                Some(Some(a.cmp(b)))
            }
            _ => self.compare_numbers(other),
        }
    }

    fn compare_numbers(&self, other: &Self) -> Option<Option<Ordering>> {
        Some(match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Uint(a), Self::Uint(b)) => Some(a.cmp(b)),
            (Self::Double(a), Self::Double(b)) => a.partial_cmp(b),
            (Self::Int(a), Self::Uint(b)) => Some(number::int_uint(*a, *b)),
            (Self::Uint(a), Self::Int(b)) => Some(number::int_uint(*b, *a).reverse()),
            (Self::Int(a), Self::Double(b)) => number::int_double(*a, *b),
            (Self::Double(a), Self::Int(b)) => number::int_double(*b, *a).map(Ordering::reverse),
            (Self::Uint(a), Self::Double(b)) => number::uint_double(*a, *b),
            (Self::Double(a), Self::Uint(b)) => number::uint_double(*b, *a).map(Ordering::reverse),
            _ => return None,
        })
    }

    /// The value under a key, if this is a map that has it.
    pub fn entry(&self, key: &Self) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries.iter().find(|(found, _)| found.equals(key)).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The value of a field, if this is a map that has it.
    pub fn field(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries
                .iter()
                .find(|(key, _)| matches!(key, Self::String(key) if key.as_ref() == name))
                .map(|(_, value)| value),
            _ => None,
        }
    }
}
