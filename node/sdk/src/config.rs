use std::fmt;

use serde::de::DeserializeOwned;

/// One step of the way to a field inside a step's `config`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathSegment {
    /// A key of a mapping.
    Key(String),
    /// An item of a sequence.
    Index(usize),
}

impl From<&str> for PathSegment {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<usize> for PathSegment {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// One fault of a step's `config`, found without IO. The language adds file, line and column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Where inside the `config`; empty for the whole.
    pub path: Vec<PathSegment>,
    /// Byte offset inside the text value at `path`, for expressions.
    pub offset: Option<usize>,
    /// Stable code, snake case.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl FieldError {
    /// A fault of the whole `config`; narrow it with [`FieldError::at`].
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { path: Vec::new(), offset: None, code, message: message.into(), help: None }
    }

    /// Appends a segment to the path.
    pub fn at(mut self, segment: impl Into<PathSegment>) -> Self {
        self.path.push(segment.into());
        self
    }

    /// Points into the text value.
    pub fn at_offset(mut self, offset: usize) -> Self {
        self.offset = Some(offset);
        self
    }

    /// Says what to do.
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, segment) in self.path.iter().enumerate() {
            match segment {
                PathSegment::Key(key) if i == 0 => write!(f, "{key}")?,
                PathSegment::Key(key) => write!(f, ".{key}")?,
                PathSegment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        let separator = if self.path.is_empty() { "" } else { ": " };
        write!(f, "{separator}{}", self.message)
    }
}

/// Deserialises a `config` whose shape the language has already checked against the connector's JSON Schema.
///
/// The schema check reports every unknown, missing or ill-typed field with its place; what is left for serde are
/// values that only their type can judge (units, patterns), so one error is enough here.
pub fn parse_config<T: DeserializeOwned>(config: &serde_json::Value) -> Result<T, Vec<FieldError>> {
    T::deserialize(config).map_err(|error| vec![FieldError::new("config", error.to_string())])
}
