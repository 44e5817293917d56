use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanArray, BooleanBuilder, Float64Builder, Int64Builder, RecordBatch,
    StringBuilder, UInt64Array,
};
use etl_model::{Batch, RecordError, SourceLocation};
use etl_sdk::Decoded;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::chunk::{Cell, RawChunk};
use super::columns::Kind;
use super::cursor::row_id;
use super::plan::Order;
use crate::SqliteError;

/// Why a value does not fit its column.
struct Fault {
    code: &'static str,
    message: String,
}

impl Fault {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// Turns values into columns. A value that does not fit makes its row a record error; nothing is converted.
pub(super) fn decode(chunk: &RawChunk) -> Result<Decoded, SqliteError> {
    let impossible = |error: &dyn std::fmt::Display| SqliteError::Impossible(error.to_string());
    let mut faults: BTreeMap<usize, (usize, Fault)> = BTreeMap::new();
    let mut columns = Vec::with_capacity(chunk.plan.columns.len());
    for (i, column) in chunk.plan.columns.iter().enumerate() {
        columns.push(build(chunk, i, column.kind, &mut faults));
    }
    let records =
        RecordBatch::try_new(chunk.plan.schema.clone(), columns).map_err(|error| impossible(&error))?;
    let mut batch =
        Batch::new(records, UInt64Array::from(chunk.ordinals.clone())).map_err(|error| impossible(&error))?;
    if !faults.is_empty() {
        let keep: BooleanArray = (0..batch.len()).map(|row| Some(!faults.contains_key(&row))).collect();
        batch = batch.filter(&keep).map_err(|error| impossible(&error))?;
    }
    let errors =
        faults.into_iter().map(|(row, (column, fault))| record_error(chunk, row, column, fault)).collect();
    Ok(Decoded { batches: if batch.is_empty() { Vec::new() } else { vec![batch] }, errors })
}

fn build(
    chunk: &RawChunk,
    column: usize,
    kind: Kind,
    faults: &mut BTreeMap<usize, (usize, Fault)>,
) -> ArrayRef {
    let rows = chunk.ordinals.len();
    let cells = chunk.cells.iter().skip(column).step_by(chunk.plan.columns.len().max(1)).take(rows);
    // Appends each value, or null beside a fault; the row of a fault is filtered out afterwards.
    macro_rules! collect {
        ($builder:expr, $convert:expr) => {{
            let mut builder = $builder;
            for (row, cell) in cells.enumerate() {
                match (cell, $convert(cell)) {
                    (Cell::Null, _) => builder.append_null(),
                    (_, Ok(value)) => builder.append_value(value),
                    (_, Err(fault)) => {
                        builder.append_null();
                        faults.entry(row).or_insert((column, fault));
                    }
                }
            }
            Arc::new(builder.finish())
        }};
    }
    match kind {
        Kind::Boolean => collect!(BooleanBuilder::with_capacity(rows), |cell: &Cell| match cell {
            Cell::Integer(0) => Ok(false),
            Cell::Integer(1) => Ok(true),
            other => Err(mismatch(chunk, other, "a boolean, 0 or 1")),
        }),
        Kind::Integer => collect!(Int64Builder::with_capacity(rows), |cell: &Cell| match cell {
            Cell::Integer(value) => Ok(*value),
            other => Err(mismatch(chunk, other, "an integer")),
        }),
        Kind::Real => collect!(Float64Builder::with_capacity(rows), |cell: &Cell| match cell {
            Cell::Real(value) => Ok(*value),
            Cell::Integer(value) if (*value as f64) as i128 == i128::from(*value) => Ok(*value as f64),
            other => Err(mismatch(chunk, other, "a float")),
        }),
        Kind::Text => collect!(StringBuilder::with_capacity(rows, rows * 16), |cell: &Cell| match cell {
            Cell::Text { start, length } => text(chunk, *start, *length),
            other => Err(mismatch(chunk, other, "text")),
        }),
        Kind::Blob => collect!(BinaryBuilder::with_capacity(rows, rows * 16), |cell: &Cell| match cell {
            Cell::Blob { start, length } => Ok(chunk.slice(*start, *length)),
            other => Err(mismatch(chunk, other, "bytes")),
        }),
        Kind::Json | Kind::Mixed => {
            collect!(StringBuilder::with_capacity(rows, rows * 16), |cell: &Cell| json(chunk, cell, kind))
        }
    }
}

fn text(chunk: &RawChunk, start: u32, length: u32) -> Result<&str, Fault> {
    std::str::from_utf8(chunk.slice(start, length))
        .map_err(|error| Fault::new("invalid_utf8", format!("the text is not UTF-8: {error}")))
}

/// A value as JSON text: JSON text as it is, others in their JSON form.
fn json(chunk: &RawChunk, cell: &Cell, kind: Kind) -> Result<String, Fault> {
    match cell {
        Cell::Null => Ok(String::new()),
        Cell::Integer(value) => Ok(value.to_string()),
        Cell::Real(value) => serde_json::Number::from_f64(*value)
            .map(|number| number.to_string())
            .ok_or_else(|| Fault::new("not_a_number", format!("{value} has no JSON form"))),
        Cell::Text { start, length } => {
            let text = text(chunk, *start, *length)?;
            if kind == Kind::Mixed {
                return Ok(Value::from(text).to_string());
            }
            match serde_json::from_str::<IgnoredAny>(text) {
                Ok(_) => Ok(text.to_owned()),
                Err(error) => {
                    Err(Fault::new("invalid_json", format!("{} is not JSON: {error}", quoted(text))))
                }
            }
        }
        Cell::Blob { .. } => Err(mismatch(chunk, cell, "JSON")),
    }
}

fn mismatch(chunk: &RawChunk, cell: &Cell, expected: &str) -> Fault {
    let found = match cell {
        Cell::Null => "null".to_owned(),
        Cell::Integer(value) => format!("the integer {value}"),
        Cell::Real(value) => format!("the float {value}"),
        Cell::Text { start, length } => {
            format!("the text {}", quoted(&String::from_utf8_lossy(chunk.slice(*start, *length))))
        }
        Cell::Blob { length, .. } => format!("{length} bytes"),
    };
    Fault::new("type_mismatch", format!("found {found} where the column has {expected}"))
}

/// A value for a message, cut to 100 characters.
fn quoted(text: &str) -> String {
    match text.char_indices().nth(100) {
        Some((end, _)) => format!("`{}...`", &text[..end]),
        None => format!("`{text}`"),
    }
}

fn record_error(chunk: &RawChunk, row: usize, column: usize, fault: Fault) -> RecordError {
    let ordinal = chunk.ordinals.get(row).copied().unwrap_or_default();
    let name = chunk.plan.columns.get(column).map(|column| column.name.as_str()).unwrap_or_default();
    let which = match chunk.plan.order {
        Order::RowId { .. } => format!("row id {}", row_id(ordinal)),
        Order::Key { .. } | Order::Unordered => format!("row {}", ordinal.saturating_add(1)),
    };
    let values = chunk.row(row).iter().map(|cell| match cell {
        Cell::Null => Value::Null,
        Cell::Integer(value) => Value::from(*value),
        Cell::Real(value) => {
            serde_json::Number::from_f64(*value).map_or_else(|| Value::from(value.to_string()), Value::Number)
        }
        Cell::Text { start, length } => {
            Value::from(String::from_utf8_lossy(chunk.slice(*start, *length)).into_owned())
        }
        Cell::Blob { start, length } => {
            chunk.slice(*start, *length).iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
        }
    });
    let record = chunk.plan.columns.iter().map(|column| column.name.clone()).zip(values).collect();
    RecordError::new(ordinal, fault.code, format!("{which}, column `{name}`: {}", fault.message))
        .with_field(name)
        .with_help(
            "mend the value, or read the column through a `query` that converts it, such as CAST(x AS TEXT)",
        )
        .with_location(SourceLocation {
            origin: format!("{}, {which}", chunk.plan.place),
            line: None,
            column: None,
        })
        .with_record(Value::Object(record))
}
