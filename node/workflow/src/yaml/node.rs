use crate::source::Mark;
use crate::yaml::Scalar;

/// A value with its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// Unique in the tree, so that a check can remember a verdict about this very value.
    pub id: usize,
    /// Where it begins; for what came from an alias, inside the anchor.
    pub mark: Mark,
    /// Where it ends.
    pub end: Mark,
    pub value: Value,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Map),
}

/// A mapping in the order of the file; keys are unique.
#[derive(Debug, Clone, Default)]
pub(crate) struct Map {
    pub entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub key: Key,
    pub value: Node,
}

#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub text: String,
    pub mark: Mark,
}

impl Map {
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key.text == key)
    }

    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }
}

impl Node {
    pub fn map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    pub fn list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.value {
            Value::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        self.scalar().is_some_and(Scalar::is_null)
    }

    /// Whether a value inside could not be determined (its error has been reported).
    pub fn is_unknown(&self) -> bool {
        match &self.value {
            Value::Scalar(scalar) => scalar.is_unknown(),
            Value::List(items) => items.iter().any(Self::is_unknown),
            Value::Map(map) => map.entries.iter().any(|entry| entry.value.is_unknown()),
        }
    }
}
