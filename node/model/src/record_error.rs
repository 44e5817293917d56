use serde::{Deserialize, Serialize};

/// Where in its source a record stands, for a person to look it up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceLocation {
    /// The file, table or topic.
    pub origin: String,
    /// Line, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Column in bytes, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
}

/// One record that a step could not process. What happens to it is the step's `on_error`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordError {
    /// The record's ordinal in its partition.
    pub ordinal: u64,
    /// The row of the batch that the step was given, where it is known: several rows may have one ordinal.
    #[serde(skip)]
    pub row: Option<usize>,
    /// A stable code such as `csv_field_count` or `division_by_zero`.
    pub code: String,
    /// What is wrong, with the offending value.
    pub message: String,
    /// The field concerned, as a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What the user can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Where the record came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<SourceLocation>,
    /// The record: a JSON object where it could be decoded, else its raw text.
    pub record: serde_json::Value,
}

impl RecordError {
    /// An error without field, help, location or record; add what is known with the `with_` methods.
    pub fn new(ordinal: u64, code: &str, message: impl Into<String>) -> Self {
        Self {
            ordinal,
            row: None,
            code: code.to_owned(),
            message: message.into(),
            field: None,
            help: None,
            location: None,
            record: serde_json::Value::Null,
        }
    }

    /// Names the field.
    pub fn with_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Says what to do.
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says where.
    pub fn with_location(mut self, location: SourceLocation) -> Self {
        self.location = Some(location);
        self
    }

    /// Attaches the record.
    pub fn with_record(mut self, record: serde_json::Value) -> Self {
        self.record = record;
        self
    }
}
