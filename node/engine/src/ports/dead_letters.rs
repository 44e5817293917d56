use std::collections::BTreeMap;

use arrow::datatypes::Schema;
use etl_model::{RecordError, Route, RunId, StepName, is_json};
use serde::{Deserialize, Serialize};

use super::PortError;

/// A record that a step could not process, with what is needed to mend and replay it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The step that failed.
    pub step: StepName,
    /// The types of the record's columns, as [`column_types`] tells them; empty where they are not known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub types: BTreeMap<String, String>,
    /// The record and the error.
    #[serde(flatten)]
    pub error: RecordError,
}

/// The types of columns by name, in Arrow's words; `json` for documents.
pub fn column_types(schema: &Schema) -> BTreeMap<String, String> {
    let words = |field: &arrow::datatypes::FieldRef| {
        if is_json(field) { "json".to_owned() } else { field.data_type().to_string() }
    };
    schema.fields().iter().map(|field| (field.name().clone(), words(field))).collect()
}

/// Where dead letters are kept: numbered like the unit they belong to, so that writing them again is harmless.
///
/// The letters of unit `seq` count from the moment the destination's marker reaches `seq`; letters of a unit that
/// was never committed are replaced by the next attempt or removed by `truncate`.
pub trait DeadLetters: Send + Sync {
    /// Durably stores the letters of a unit, in place of what an earlier attempt stored under the same number.
    fn put(&self, run: RunId, route: &Route, seq: u64, letters: &[DeadLetter]) -> Result<(), PortError>;

    /// Removes the letters of all units after `seq`.
    fn truncate(&self, run: RunId, route: &Route, seq: u64) -> Result<(), PortError>;
}
