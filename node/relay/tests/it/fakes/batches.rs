use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{Field, Schema};
use etl_model::Batch;

/// Numbers that are their own ordinals, each with a text of so many bytes.
pub fn numbers(range: Range<i64>, width: usize) -> Batch {
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(range.clone()));
    let text = |n: i64| {
        let digits = n.to_string();
        "0".repeat(width.saturating_sub(digits.len())) + &digits
    };
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values(range.clone().map(text)));
    let schema = Schema::new(vec![
        Field::new("n", column.data_type().clone(), false),
        Field::new("text", texts.data_type().clone(), false),
    ]);
    let records = RecordBatch::try_new(Arc::new(schema), vec![column, texts]).unwrap();
    let ordinals = UInt64Array::from_iter_values(range.map(i64::unsigned_abs));
    Batch::new(records, ordinals).unwrap()
}
