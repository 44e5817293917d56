use etl_model::{RecordError, SourceLocation};
use etl_proto::relay as wire;

use super::json::{json_from_bytes, json_to_bytes};
use crate::RelayError;

pub(super) fn record_error_to_wire(error: RecordError) -> Result<wire::RecordError, RelayError> {
    let RecordError { ordinal, row: _, code, message, field, help, location, record } = error;
    let location =
        location.map(|SourceLocation { origin, line, column }| wire::Location { origin, line, column });
    let record = json_to_bytes(&record)?.into();
    Ok(wire::RecordError { ordinal, code, message, field, help, location, record })
}

pub(super) fn record_error_from_wire(error: wire::RecordError) -> Result<RecordError, RelayError> {
    let wire::RecordError { ordinal, code, message, field, help, location, record } = error;
    let location =
        location.map(|wire::Location { origin, line, column }| SourceLocation { origin, line, column });
    let record = json_from_bytes(&record)?;
    Ok(RecordError { ordinal, row: None, code, message, field, help, location, record })
}

pub(super) fn record_errors_to_wire(errors: Vec<RecordError>) -> Result<Vec<wire::RecordError>, RelayError> {
    errors.into_iter().map(record_error_to_wire).collect()
}

pub(super) fn record_errors_from_wire(
    errors: Vec<wire::RecordError>,
) -> Result<Vec<RecordError>, RelayError> {
    errors.into_iter().map(record_error_from_wire).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn record_errors_survive() {
        let location = SourceLocation { origin: "a.csv".to_owned(), line: Some(3), column: None };
        let full = RecordError::new(9, "bad", "it is bad")
            .with_field("a.b")
            .with_help("mend it")
            .with_location(location)
            .with_record(json!({ "amount": 2.5e-5, "raw": "x" }));
        for error in [full, RecordError::new(u64::MAX, "", "")] {
            let wire = record_error_to_wire(error.clone()).unwrap();
            assert_eq!(record_error_from_wire(wire).unwrap(), error);
        }
    }
}
