use crate::number::double_to_uint;
use crate::value::Value;

/// A value as it is looked up: two values have one key exactly if they are equal, whatever numeric types they are of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Key {
    Null,
    Bool(bool),
    Whole(i128),
    /// The bits of a double that no whole type holds.
    Double(u64),
    String(std::sync::Arc<str>),
    Bytes(std::sync::Arc<[u8]>),
    Timestamp(i128),
    Duration(i128),
    List(Vec<Key>),
    /// Ascending by the key of the entry.
    Map(Vec<(Key, Key)>),
}

impl Key {
    /// The value's key; `None` for NaN and for what contains it, which equals nothing.
    pub fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Whole(i128::from(*value)),
            Value::Uint(value) => Self::Whole(i128::from(*value)),
            Value::Double(value) => Self::double(*value)?,
            Value::String(text) => Self::String(text.clone()),
            Value::Bytes(bytes) => Self::Bytes(bytes.clone()),
            Value::Timestamp(nanos) => Self::Timestamp(*nanos),
            Value::Duration(nanos) => Self::Duration(*nanos),
            Value::List(items) => Self::List(items.iter().map(Self::of).collect::<Option<_>>()?),
            Value::Map(entries) => {
                let entries = entries.iter().map(|(key, value)| Some((Self::of(key)?, Self::of(value)?)));
                let mut entries: Vec<_> = entries.collect::<Option<_>>()?;
                entries.sort();
                Self::Map(entries)
            }
        })
    }

    fn double(value: f64) -> Option<Self> {
        let magnitude = double_to_uint(value.abs()).filter(|_| value.fract() == 0.0);
        match magnitude {
            Some(magnitude) if value < 0.0 => Some(Self::Whole(-i128::from(magnitude))),
            Some(magnitude) => Some(Self::Whole(i128::from(magnitude))),
            None => (!value.is_nan()).then(|| Self::Double(value.to_bits())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_agree_with_equality() {
        let list = |items: &[Value]| Value::List(items.into());
        let values = [
            Value::Null,
            Value::Bool(true),
            Value::Int(1),
            Value::Uint(1),
            Value::Double(1.0),
            Value::Double(1.5),
            Value::Double(-0.0),
            Value::Int(0),
            Value::Int(-3),
            Value::Double(-3.0),
            Value::Int(i64::MIN),
            Value::Double(-9_223_372_036_854_775_808.0),
            Value::Uint(u64::MAX),
            Value::Double(18_446_744_073_709_551_616.0),
            Value::Double(f64::NAN),
            Value::Double(f64::INFINITY),
            Value::string("1"),
            Value::Timestamp(1),
            Value::Duration(1),
            list(&[Value::Int(1), Value::Null]),
            list(&[Value::Double(1.0), Value::Null]),
            Value::Map([(Value::Int(1), Value::Int(2)), (Value::string("a"), Value::Null)].into()),
            Value::Map([(Value::string("a"), Value::Null), (Value::Double(1.0), Value::Uint(2))].into()),
        ];
        for a in &values {
            for b in &values {
                let same = Key::of(a).is_some_and(|key| Key::of(b) == Some(key));
                assert_eq!(same, a.equals(b), "{a:?} {b:?}");
            }
        }
    }
}
