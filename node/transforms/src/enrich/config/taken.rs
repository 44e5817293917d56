use std::collections::BTreeSet;

use etl_sdk::FieldError;

use super::raw::RawResult;
use super::rules::Taken;

/// Checks which fields are taken over. `is_typed`: their types may be given.
pub(super) fn taken(raw: Vec<RawResult>, is_typed: bool, faults: &mut Vec<FieldError>) -> Vec<Taken> {
    let mut known: BTreeSet<Vec<String>> = BTreeSet::new();
    let mut results = Vec::new();
    for (i, RawResult { source, destination, default, r#type }) in raw.into_iter().enumerate() {
        let at = |fault: FieldError, field: &str| fault.at("result_mapping").at(i).at(field);
        let path: Vec<String> = destination.split('.').map(str::to_owned).collect();
        if path.iter().any(String::is_empty) {
            let fault = FieldError::new("invalid_path", format!("`{destination}` is not a path"));
            faults.push(at(fault, "destination"));
        }
        let overlaps = |other: &&Vec<String>| other.starts_with(&path) || path.starts_with(other);
        if let Some(other) = known.iter().find(overlaps) {
            let message = format!(
                "`{destination}` and `{}` are the same place, or one is inside the other",
                other.join(".")
            );
            faults.push(at(FieldError::new("duplicate_field", message), "destination"));
        }
        known.insert(path.clone());
        if r#type.is_some() && !is_typed {
            let fault = FieldError::new("type", "a column of a table has its type");
            faults.push(at(fault, "type"));
        }
        if source.trim().is_empty() {
            faults.push(at(FieldError::new("empty", "`source` is empty"), "source"));
        }
        results.push(Taken { source, destination: path, default, kind: r#type.unwrap_or_default() });
    }
    results
}
