use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use arrow::array::UInt64Array;
use arrow::datatypes::{DataType, Field, Schema};
use etl_engine::DeadLetter;
use etl_formats::json::{JsonDecoder, JsonOptions};
use etl_formats::{Decoder, FormatError, Section};
use etl_model::{Batch, RecordError, json_field};
use etl_sdk::{ConnectorError, Decoded};
use serde_json::{Map, Value};

/// A letter that is to be given to its step again, with its number.
pub(super) type Numbered = (u64, DeadLetter);

/// The records of letters with the types that they had; those of letters without types as JSON lines are read. A letter that
/// holds no record is an error of its own.
///
/// # Errors
/// A defect.
pub(super) fn decoded(letters: &[Numbered]) -> Result<Decoded, ConnectorError> {
    let mut decoded = Decoded::default();
    for run in letters.chunk_by(|a, b| a.1.types == b.1.types) {
        let mut records: Vec<(u64, &Map<String, Value>)> = Vec::with_capacity(run.len());
        for (number, letter) in run {
            match &letter.error.record {
                Value::Object(record) => records.push((*number, record)),
                other => decoded.errors.push(
                    RecordError::new(
                        *number,
                        "letter_without_record",
                        "the letter holds no record to give to the step",
                    )
                    .with_record(other.clone()),
                ),
            }
        }
        let types = run.first().map(|(_, letter)| &letter.types);
        typed(&records, types, &mut decoded).map_err(|error| ConnectorError::internal(error.to_string()))?;
    }
    Ok(decoded)
}

fn typed(
    records: &[(u64, &Map<String, Value>)],
    types: Option<&BTreeMap<String, String>>,
    into: &mut Decoded,
) -> Result<(), FormatError> {
    let columns = records.first().map(|(_, record)| columns(record, types)).unwrap_or_default();
    let (batches, errors) = decode(records, &columns)?;
    if errors.is_empty() {
        into.batches.extend(batches);
        return Ok(());
    }
    // A value that JSON cannot hold, such as NaN, stands there as text.
    for record in records {
        let (batches, errors) = decode(std::slice::from_ref(record), &[])?;
        into.batches.extend(batches);
        into.errors.extend(errors.into_iter().map(|error| RecordError { ordinal: record.0, ..error }));
    }
    Ok(())
}

fn decode(
    records: &[(u64, &Map<String, Value>)],
    columns: &[Field],
) -> Result<(Vec<Batch>, Vec<RecordError>), FormatError> {
    let mut lines = String::new();
    for (_, record) in records {
        line(record, columns, &mut lines);
    }
    let section = Section { data: lines.as_bytes(), offset: 0, line: 1, origin: "dead letters" };
    let schema = Arc::new(Schema::new(columns.to_vec()));
    let (decoded, errors) = JsonDecoder::new(JsonOptions::default(), Some(schema), true)?.decode(section)?;
    if !errors.is_empty() {
        return Ok((Vec::new(), errors));
    }
    let mut numbers = records.iter().map(|(number, _)| *number);
    let mut batches = Vec::with_capacity(decoded.len());
    for batch in decoded {
        let ordinals: UInt64Array = numbers.by_ref().take(batch.len()).collect::<Vec<u64>>().into();
        batches.push(Batch::new(batch.records().clone(), ordinals)?);
    }
    Ok((batches, errors))
}

/// The columns whose types are known and which JSON is decoded into, in the order of the record.
fn columns(record: &Map<String, Value>, types: Option<&BTreeMap<String, String>>) -> Vec<Field> {
    let of = |name: &String| {
        let kind = types?.get(name)?;
        let field = match kind.as_str() {
            "json" => json_field(name, true),
            kind => Field::new(name, DataType::from_str(kind).ok()?, true),
        };
        let alone = Arc::new(Schema::new(vec![field.clone()]));
        JsonDecoder::new(JsonOptions::default(), Some(alone), true).ok().map(|_| field)
    };
    record.keys().filter_map(of).collect()
}

/// A record as it is read back: a letter shows decimals as text, and every time as an instant.
fn line(record: &Map<String, Value>, columns: &[Field], out: &mut String) {
    let mut separator = '{';
    for (name, value) in record {
        out.push(separator);
        separator = ',';
        out.push_str(&Value::from(name.as_str()).to_string());
        out.push(':');
        let kind = columns.iter().find(|field| field.name() == name).map(Field::data_type);
        match (kind, value) {
            (Some(DataType::Decimal128(..)), Value::String(digits)) => out.push_str(digits),
            (Some(DataType::Date32), Value::String(instant)) => {
                let date = instant.split_once('T').map_or(instant.as_str(), |(date, _)| date);
                out.push_str(&Value::from(date).to_string());
            }
            (Some(DataType::Timestamp(_, None)), Value::String(instant)) => {
                out.push_str(&Value::from(instant.trim_end_matches('Z')).to_string());
            }
            (_, value) => out.push_str(&value.to_string()),
        }
    }
    out.push_str(if record.is_empty() { "{}\n" } else { "}\n" });
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use arrow::array::{
        BinaryArray, Date32Array, Decimal128Array, Float64Array, Int8Array, RecordBatch, StringArray,
        TimestampMicrosecondArray, UInt64Array as Unsigned,
    };
    use etl_engine::column_types;
    use etl_expr::record_json;
    use etl_model::StepName;
    use serde_json::json;

    use super::*;

    fn letters(batch: &RecordBatch, types: BTreeMap<String, String>) -> Vec<Numbered> {
        let letter = |row: usize| {
            let error = RecordError::new(row as u64, "code", "message").with_record(record_json(batch, row));
            DeadLetter { step: StepName::new("s").unwrap(), types: types.clone(), error }
        };
        (0..batch.num_rows()).map(|row| (10 + row as u64, letter(row))).collect()
    }

    #[test]
    fn records_come_back_as_the_step_was_given_them() {
        let micros = vec![Some(1_769_860_800_123_456), None];
        let documents = Arc::new(StringArray::from(vec![Some("{\"a\":[1,\"x\"]}"), None]));
        let batch = RecordBatch::try_from_iter_with_nullable([
            (
                "zoned",
                Arc::new(TimestampMicrosecondArray::from(micros.clone()).with_timezone("+00:00")) as _,
                true,
            ),
            ("local", Arc::new(TimestampMicrosecondArray::from(micros)) as _, true),
            (
                "price",
                Arc::new(
                    Decimal128Array::from(vec![Some(-123_456), None])
                        .with_precision_and_scale(38, 2)
                        .unwrap(),
                ) as _,
                true,
            ),
            ("big", Arc::new(Unsigned::from(vec![Some(u64::MAX), None])) as _, true),
            ("small", Arc::new(Int8Array::from(vec![Some(-7), None])) as _, true),
            ("whole", Arc::new(Float64Array::from(vec![Some(2.0), None])) as _, true),
            ("bytes", Arc::new(BinaryArray::from(vec![Some(&b"\x00\xff"[..]), None])) as _, true),
            ("day", Arc::new(Date32Array::from(vec![Some(20_484), None])) as _, true),
            ("digits", Arc::new(StringArray::from(vec![Some("007"), None])) as _, true),
            ("document", documents as _, true),
        ])
        .unwrap();
        let mut fields: Vec<Field> =
            batch.schema().fields().iter().map(|field| field.as_ref().clone()).collect();
        fields.pop();
        fields.push(json_field("document", true));
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), batch.columns().to_vec()).unwrap();
        let made = decoded(&letters(&batch, column_types(&batch.schema()))).unwrap();
        assert!(made.errors.is_empty(), "{:?}", made.errors);
        assert_eq!(made.batches.len(), 1);
        assert_eq!(made.batches[0].records(), &batch);
        assert_eq!(made.batches[0].ordinals().values(), &[10, 11]);
    }

    #[test]
    fn letters_without_types_are_read_as_json_and_those_without_a_record_are_told() {
        let batch = RecordBatch::try_from_iter([("n", Arc::new(Unsigned::from(vec![1, 2])) as _)]).unwrap();
        let mut all = letters(&batch, BTreeMap::new());
        all[0].1.error.record = json!("1,2,3");
        let made = decoded(&all).unwrap();
        assert_eq!(made.batches[0].schema().field(0).data_type(), &DataType::Int64);
        assert_eq!(made.batches[0].ordinals().values(), &[11]);
        assert_eq!((made.errors[0].ordinal, made.errors[0].code.as_str()), (10, "letter_without_record"));
    }

    #[test]
    fn a_value_that_json_cannot_hold_does_not_stop_the_others() {
        let values = Float64Array::from(vec![1.5, f64::NAN]);
        let batch = RecordBatch::try_from_iter([("n", Arc::new(values) as _)]).unwrap();
        let made = decoded(&letters(&batch, column_types(&batch.schema()))).unwrap();
        assert!(made.errors.is_empty());
        assert_eq!(made.batches.iter().map(Batch::len).sum::<usize>(), 2);
    }
}
