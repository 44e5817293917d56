use std::fmt::Write;

use etl_formats::json::{JsonDecoder, JsonOptions};
use etl_formats::{Decoder, FormatError, Section};
use etl_model::{Batch, RecordError};
use etl_sdk::Registry;
use serde_json::json;

use super::case::Records;

/// The records in columns: as JSON lines are read, and then cast to the types that are given.
///
/// # Errors
/// A record that cannot be read or cast, or a type that is none, in words.
pub(super) fn batches(records: &Records, registry: &Registry) -> Result<Vec<Batch>, String> {
    let mut lines = String::new();
    for row in &records.rows {
        // Writing to text never fails.
        let _ = writeln!(lines, "{row}");
    }
    let section = Section { data: lines.as_bytes(), offset: 0, line: 1, origin: "records" };
    let defect = |error: FormatError| error.to_string();
    let decoder = JsonDecoder::new(JsonOptions::default(), None, false).map_err(defect)?;
    let (batches, errors) = decoder.decode(section).map_err(defect)?;
    refused(&errors)?;
    if records.schema.is_empty() {
        return Ok(batches);
    }
    let cast = registry.find_processor("cast").ok_or("`schema` needs the transformation `cast`")?;
    let cast = cast.configure(&json!({ "fields": records.schema })).map_err(|errors| {
        let told = |error: &etl_sdk::FieldError| {
            let help = error.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
            format!("{error}{help}")
        };
        errors.iter().map(told).collect::<Vec<_>>().join(", ")
    })?;
    let mut made = Vec::with_capacity(batches.len());
    for batch in batches {
        let processed = cast.process(batch).map_err(|error| error.to_string())?;
        refused(&processed.errors)?;
        made.push(processed.batch);
    }
    Ok(made)
}

fn refused(errors: &[RecordError]) -> Result<(), String> {
    match errors.first() {
        None => Ok(()),
        Some(error) => {
            let field = error.field.as_ref().map(|field| format!("field `{field}`: ")).unwrap_or_default();
            Err(format!("{field}{} in {}", error.message, error.record))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use arrow::datatypes::DataType;
    use serde_json::Value;

    use super::*;

    fn of(rows: Value, schema: Value) -> Result<Vec<Batch>, String> {
        let rows = rows.as_array().unwrap().clone();
        let schema = schema.as_object().unwrap().clone();
        batches(&Records { rows, schema }, &etl_connectors::registry())
    }

    #[test]
    fn types_are_those_of_json_unless_they_are_given() {
        let rows = json!([{"id": 1, "total": "9.50"}, {"id": 2, "total": null}]);
        let plain = of(rows.clone(), json!({})).unwrap();
        assert_eq!(plain[0].schema().field(1).data_type(), &DataType::Utf8);
        let typed = of(rows, json!({"total": "decimal(10,2)", "id": "uint"})).unwrap();
        assert_eq!(typed[0].schema().field(0).data_type(), &DataType::UInt64);
        assert_eq!(typed[0].schema().field(1).data_type(), &DataType::Decimal128(10, 2));
        assert!(of(json!([]), json!({"id": "int"})).unwrap().is_empty());
    }

    #[test]
    fn what_does_not_fit_is_told_with_the_record() {
        let wrong = of(json!([{"id": "x"}]), json!({"id": "int"})).unwrap_err();
        assert!(wrong.contains("id") && wrong.contains('x'), "{wrong}");
        let unknown = of(json!([{"id": 1}]), json!({"id": "integer"})).unwrap_err();
        assert!(unknown.contains("integer") && unknown.contains("decimal(P,S)"), "{unknown}");
    }
}
