use std::collections::BTreeMap;

use etl_sdk::{CommitKind, DestinationCapabilities};
use serde_json::Value;

/// What matters of a destination to whoever looks into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sink {
    /// Rows are committed with a marker, so that none comes twice.
    pub keeps_marker: bool,
    /// What was written is seen only when the run is completed.
    pub shows_at_end: bool,
    /// The fields by which a row replaces an earlier one.
    pub key: Vec<String>,
}

impl Sink {
    /// Of a destination with this `config`.
    pub fn new(capabilities: &DestinationCapabilities, config: &Value) -> Self {
        let mode = config.get("mode").and_then(Value::as_str).unwrap_or_default();
        let key = config.get("key").filter(|_| mode == "upsert").and_then(Value::as_array);
        Self {
            keeps_marker: capabilities.commit != CommitKind::None,
            shows_at_end: matches!(mode, "replace" | "mirror"),
            key: key.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
        }
    }

    /// Whether a row that comes twice is seen twice, and may be.
    pub fn may_repeat(&self) -> bool {
        !self.keeps_marker && self.key.is_empty()
    }

    /// What is seen of rows that were committed in this order. With a marker all are looked at, even those that others have
    /// replaced: each must have come once.
    pub fn shown(&self, rows: Vec<Value>) -> Vec<Value> {
        if self.keeps_marker || self.key.is_empty() {
            return rows;
        }
        let key = |row: &Value| -> Vec<String> {
            self.key.iter().map(|field| row.get(field).unwrap_or(&Value::Null).to_string()).collect()
        };
        rows.into_iter().map(|row| (key(&row), row)).collect::<BTreeMap<_, _>>().into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sink(commit: CommitKind, config: Value) -> Sink {
        let capabilities = DestinationCapabilities {
            commit,
            max_writers: None,
            holds_rows: true,
            rejects_rows: false,
            unit_bytes: None,
        };
        Sink::new(&capabilities, &config)
    }

    #[test]
    fn a_row_replaces_another_where_no_marker_is_kept() {
        let rows = || vec![json!({"id": 1, "n": 1}), json!({"id": 2, "n": 1}), json!({"id": 1, "n": 2})];
        let upsert = json!({"mode": "upsert", "key": ["id"]});
        let loose = sink(CommitKind::None, upsert.clone());
        assert!(!loose.may_repeat());
        assert_eq!(loose.shown(rows()), [json!({"id": 1, "n": 2}), json!({"id": 2, "n": 1})]);
        assert_eq!(sink(CommitKind::Transactional, upsert).shown(rows()), rows());
        let append = sink(CommitKind::None, json!({"key": ["id"]}));
        assert!(append.may_repeat() && append.shown(rows()) == rows());
        assert!(sink(CommitKind::ConditionalCreate, json!({"mode": "replace"})).shows_at_end);
    }
}
