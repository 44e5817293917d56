use std::cmp::Ordering;
use std::collections::HashSet;

use serde_json::Value;

use crate::validate::limit::Limit;
use crate::validate::subject::Subject;

/// The values that a field may have.
#[derive(Debug, Clone, Default)]
pub(crate) struct OneOf {
    texts: HashSet<String>,
    limits: Vec<Limit>,
    bools: Vec<bool>,
}

impl OneOf {
    /// Reads texts, numbers and bools; fails with the place of another value.
    pub fn read(values: &[Value]) -> Result<Self, usize> {
        let mut read = Self::default();
        for (place, value) in values.iter().enumerate() {
            match value {
                Value::String(text) => {
                    // A text may stand for a time as well.
                    read.limits.extend(Limit::read(value));
                    read.texts.insert(text.clone());
                }
                Value::Bool(value) => read.bools.push(*value),
                value => read.limits.push(Limit::read(value).ok_or(place)?),
            }
        }
        Ok(read)
    }

    /// Whether the value is one of them; numbers by value.
    pub fn contains(&self, subject: &Subject<'_>) -> bool {
        match subject {
            Subject::Text(text) => self.texts.contains(text.as_ref()),
            Subject::Bool(value) => self.bools.contains(value),
            subject => self.limits.iter().any(|limit| limit.compare(subject) == Some(Ordering::Equal)),
        }
    }
}
