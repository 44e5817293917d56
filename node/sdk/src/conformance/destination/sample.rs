use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Float64Array, Int64Array, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use etl_model::Batch;
use serde_json::Value;

use super::super::violation::{Violation, ensure};
use super::Site;

fn name(id: i64) -> String {
    match id % 5 {
        0 => format!("plain {id}"),
        1 => format!("quoted \"{id}\", with comma"),
        2 => format!("two\nlines {id}"),
        3 => format!("Zoë 🦀 {id}"),
        _ => format!("'); DROP TABLE x; -- \\{id}\\"),
    }
}

fn score(id: i64) -> Option<f64> {
    (id % 3 != 0).then(|| id as f64 / 8.0)
}

/// Rows with these ids; each id's values are always the same.
pub(super) fn batch(ids: Range<i64>) -> Result<Batch, Violation> {
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("name", DataType::Utf8, false),
        Field::new("score", DataType::Float64, true),
    ]));
    let fault =
        |error: &dyn std::fmt::Display| Violation::new("the sample rows are sound", error.to_string());
    let records = RecordBatch::try_new(
        schema,
        vec![
            Arc::new(Int64Array::from_iter_values(ids.clone())),
            Arc::new(StringArray::from_iter_values(ids.clone().map(name))),
            Arc::new(ids.clone().map(score).collect::<Float64Array>()),
        ],
    )
    .map_err(|error| fault(&error))?;
    let ordinals = UInt64Array::from_iter_values(ids.map(|id| id.unsigned_abs()));
    Batch::new(records, ordinals).map_err(|error| fault(&error))
}

/// Checks that exactly the rows with these ids are visible, each once and with its values.
pub(super) fn expect(site: &Site, rule: &'static str, ids: Range<i64>) -> Result<(), Violation> {
    let mut rows = site.rows();
    let id = |row: &Value| row.get("id").and_then(Value::as_i64);
    rows.sort_by_key(|row| id(row));
    let got: Vec<_> = rows.iter().map(id).collect();
    let wanted: Vec<_> = ids.map(Some).collect();
    ensure(got == wanted, rule, || format!("ids {got:?} instead of {wanted:?}"))?;
    for (row, id) in rows.iter().zip(wanted.into_iter().flatten()) {
        ensure(
            row.get("name").and_then(Value::as_str) == Some(&name(id))
                && row.get("score").and_then(Value::as_f64) == score(id),
            "values arrive as they were sent",
            || format!("{row} instead of {:?}, {:?}", name(id), score(id)),
        )?;
    }
    Ok(())
}
