use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::DataType;

/// Rows looked at.
const SAMPLE: usize = 1024;
/// Fewer rows say nothing.
const LEAST: usize = 512;

/// The columns of which nearly all values differ: a dictionary of them is built only to be given up.
pub(super) fn nearly_unique(records: &RecordBatch) -> Vec<String> {
    let rows = records.num_rows().min(SAMPLE);
    if rows < LEAST {
        return Vec::new();
    }
    let schema = records.schema();
    let named = schema.fields().iter().zip(records.columns());
    let unique =
        |values: &ArrayRef| distinct(&values.slice(0, rows)).is_some_and(|count| count * 10 > rows * 9);
    named.filter(|(_, values)| unique(values)).map(|(field, _)| field.name().clone()).collect()
}

/// How many values differ, of a column whose values lie one after the other.
fn distinct(values: &ArrayRef) -> Option<usize> {
    match values.data_type() {
        DataType::Utf8 => Some(count(values.as_string::<i32>().iter().flatten())),
        DataType::Binary => Some(count(values.as_binary::<i32>().iter().flatten())),
        other => {
            let width = other.primitive_width().filter(|width| *width > 1)?;
            let data = values.to_data();
            let start = data.offset() * width;
            let bytes = data.buffers().first()?.get(start..start + values.len() * width)?;
            // Slots of nulls count as one value or as many as they hold: the choice is about speed alone.
            Some(count(bytes.chunks_exact(width)))
        }
    }
}

fn count<T: std::hash::Hash + Eq>(values: impl Iterator<Item = T>) -> usize {
    values.collect::<HashSet<_>>().len()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray, TimestampMicrosecondArray};

    use super::*;

    fn batch(rows: i64) -> RecordBatch {
        let columns: [(&str, ArrayRef); 4] = [
            ("id", Arc::new(Int64Array::from_iter_values(0..rows))),
            ("day", Arc::new(TimestampMicrosecondArray::from_iter_values((0..rows).map(|i| i % 30)))),
            ("mail", Arc::new(StringArray::from_iter_values((0..rows).map(|i| format!("u{i}@x"))))),
            (
                "country",
                Arc::new(StringArray::from_iter_values((0..rows).map(|i| ["DE", "FR"][i as usize % 2]))),
            ),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    #[test]
    fn only_columns_whose_values_differ_are_named() {
        assert_eq!(nearly_unique(&batch(5000)), ["id", "mail"]);
        assert_eq!(nearly_unique(&batch(5000).slice(4000, 1000)), ["id", "mail"]);
        assert!(nearly_unique(&batch(100)).is_empty(), "too few rows to tell");
    }
}
