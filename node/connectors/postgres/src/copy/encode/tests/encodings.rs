use std::sync::Arc;

use arrow::array::{
    ArrayRef, DurationSecondArray, Int32Array, Int64Array, RecordBatch, RecordBatchOptions, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema};
use etl_model::json_field;

use crate::types::CellFault;

use super::super::{EncodeError, Encoding};
use super::{encode, field, ty};

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap()
}

#[test]
fn rows_follow_each_other_and_faulty_ones_are_left_out() {
    let batch = batch(vec![
        ("a", Arc::new(Int64Array::from(vec![Some(1), Some(70_000), None, Some(-70_000), Some(2)]))),
        ("b", Arc::new(StringArray::from(vec!["x", "y", "\0", "\0", ""]))),
    ]);
    let encoding = Encoding::new(&batch.schema(), &[ty("smallint"), ty("text")]).unwrap();
    let mut out = b"before".to_vec();
    let faults = encoding.encode(&batch, &mut out).unwrap();
    assert_eq!(
        out,
        [
            b"before".as_slice(),
            &[0, 2, 0, 0, 0, 2, 0, 1, 0, 0, 0, 1, b'x'],
            &[0, 2, 0, 0, 0, 2, 0, 2, 0, 0, 0, 0],
        ]
        .concat()
    );
    let places: Vec<_> = faults.iter().map(|fault| (fault.row, fault.column, fault.code)).collect();
    assert_eq!(places, [(1, 0, "out_of_range"), (2, 1, "nul_character"), (3, 0, "out_of_range")]);
    assert_eq!(
        faults[0],
        CellFault {
            row: 1,
            column: 0,
            code: "out_of_range",
            message: "70000 does not fit smallint".to_owned(),
            help: "make the table's column wider, or filter or convert such values with a mapping",
            shown: "70000".to_owned(),
        }
    );
    assert_eq!(faults[1].shown, "\0");
    let mut part = Vec::new();
    assert_eq!(encoding.encode(&batch.slice(2, 2), &mut part).unwrap().len(), 2);
    assert!(part.is_empty());
    let last = encoding.encode(&batch.slice(4, 1), &mut part).unwrap();
    assert!(last.is_empty());
    assert_eq!(part, [0, 2, 0, 0, 0, 2, 0, 2, 0, 0, 0, 0]);
}

#[test]
fn faults_show_their_values() {
    let far: ArrayRef =
        Arc::new(TimestampMicrosecondArray::from(vec![i64::MAX - 1]).with_timezone("No/Where"));
    let fault = encode(field(&far), &far, &ty("timestamptz(0)")).1.remove(0);
    assert_eq!(fault.shown, "9223372036854775806 us since 1970-01-01");
    assert!(fault.message.starts_with("+294247-01-10T04:00:54.775806Z"), "{}", fault.message);
    let far: ArrayRef = Arc::new(DurationSecondArray::from(vec![i64::MIN]));
    let fault = encode(field(&far), &far, &ty("interval")).1.remove(0);
    assert_eq!(fault.shown, "PT-9223372036854775808S");
    let long = "ä".repeat(1000);
    let text = super::texts(&[&long]);
    let fault = encode(field(&text), &text, &ty("uuid")).1.remove(0);
    assert_eq!(fault.shown, long);
    assert_eq!(fault.message, format!("`{}...` is not a UUID", "ä".repeat(100)));
}

#[test]
fn a_batch_of_another_schema_is_an_error() {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["1"]));
    let schema = Schema::new(vec![Field::new("a", DataType::Int64, true)]);
    let encoding = Encoding::new(&schema, &[ty("bigint")]).unwrap();
    let mut out = Vec::new();
    let two = batch(vec![("a", numbers.clone()), ("b", numbers.clone())]);
    assert_eq!(encoding.encode(&two, &mut out), Err(EncodeError::Columns { expected: 1, found: 2 }));
    // An integer of another width could be encoded, but is not what was checked.
    let narrow: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    for other in [narrow, texts.clone()] {
        let found = other.data_type().clone();
        let error = encoding.encode(&batch(vec![("a", other)]), &mut out).unwrap_err();
        let (index, name) = (0, "a".to_owned());
        assert_eq!(error, EncodeError::Column { index, name, expected: DataType::Int64, found });
    }
    let json = Encoding::new(&Schema::new(vec![json_field("j", true)]), &[ty("jsonb")]).unwrap();
    let error = json.encode(&batch(vec![("j", texts)]), &mut out).unwrap_err();
    assert_eq!(error, EncodeError::Json { index: 0, name: "j".to_owned() });
    assert!(out.is_empty());
    assert!(encoding.encode(&batch(vec![("renamed", numbers)]), &mut out).unwrap().is_empty());
}

#[test]
fn rows_without_columns() {
    let schema = Arc::new(Schema::empty());
    let encoding = Encoding::new(&schema, &[]).unwrap();
    let options = RecordBatchOptions::new().with_row_count(Some(2));
    let batch = RecordBatch::try_new_with_options(schema, vec![], &options).unwrap();
    let mut out = Vec::new();
    assert!(encoding.encode(&batch, &mut out).unwrap().is_empty());
    assert_eq!(out, [0; 4]);
}
