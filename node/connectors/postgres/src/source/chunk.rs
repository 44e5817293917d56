use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow::datatypes::{DataType, Int16Type, Int32Type, Int64Type, UInt32Type, UInt64Type};
use etl_model::{Batch, Position, RecordError, SourceLocation};
use etl_sdk::{Chunk, ConnectorError, Decoded};

use super::cursor::ordinal_of;
use super::plan::{KeyColumn, Order, Plan};
use crate::PostgresError;
use crate::copy::decode::decode_each;
use crate::record::record;
use crate::types::CellFault;
use crate::wire::Segment;

/// Whole rows as they were received, not yet looked at.
pub(super) struct RawChunk {
    pub(super) plan: Arc<Plan>,
    pub(super) segments: Vec<Segment>,
    /// The ordinal of the first of so many rows, and of those behind them, where ordinals are counted.
    pub(super) runs: Vec<(u64, usize)>,
    pub(super) end: Position,
}

impl Chunk for RawChunk {
    fn memory(&self) -> usize {
        self.segments.iter().map(Segment::memory).sum()
    }

    fn source_bytes(&self) -> u64 {
        self.bytes() as u64
    }

    fn end(&self) -> Position {
        self.end.clone()
    }

    fn decode(self: Box<Self>) -> Result<Decoded, ConnectorError> {
        Ok(self.decoded()?)
    }
}

impl RawChunk {
    /// A chunk without rows.
    pub(super) fn new(plan: Arc<Plan>) -> Self {
        Self { plan, segments: Vec::new(), runs: Vec::new(), end: Position::start() }
    }

    /// Number of rows.
    pub(super) fn rows(&self) -> usize {
        self.segments.iter().map(Segment::rows).sum()
    }

    /// Bytes of its rows.
    pub(super) fn bytes(&self) -> usize {
        self.segments.iter().map(Segment::body_bytes).sum()
    }

    fn decoded(&self) -> Result<Decoded, PostgresError> {
        let plan = &self.plan;
        let impossible =
            |error: &dyn std::fmt::Display| PostgresError::Impossible(format!("{}: {error}", plan.place));
        let tuples = self.segments.iter().flat_map(Segment::bodies);
        let decoded = decode_each(tuples, &plan.columns, self.rows(), self.bytes())
            .map_err(|error| impossible(&error))?;
        let ordinals = self.ordinals(&decoded.columns, decoded.rows)?;
        let columns = decoded.columns.into_iter().take(plan.width()).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(decoded.rows));
        let records = RecordBatch::try_new_with_options(plan.schema.clone(), columns, &options)
            .map_err(|error| impossible(&error))?;
        let batch = Batch::new(records, ordinals).map_err(|error| impossible(&error))?;
        if decoded.faults.is_empty() {
            return Ok(Decoded { batches: vec![batch], errors: Vec::new() });
        }
        let mut errors: Vec<RecordError> = Vec::new();
        let mut keep = vec![true; batch.len()];
        for fault in &decoded.faults {
            // One error a row: its first.
            if std::mem::replace(&mut keep[fault.row], false) {
                errors.push(self.error(&batch, fault));
            }
        }
        let batch = batch.filter(&BooleanArray::from(keep)).map_err(|error| impossible(&error))?;
        Ok(Decoded { batches: vec![batch], errors })
    }

    fn error(&self, batch: &Batch, fault: &CellFault) -> RecordError {
        let name = self.plan.columns.get(fault.column).map_or("", |column| column.name.as_str());
        RecordError::new(
            batch.ordinals().value(fault.row),
            fault.code,
            format!("column `{name}`: {}", fault.message),
        )
        .with_field(name)
        .with_help(fault.help)
        .with_location(SourceLocation { origin: self.plan.place.clone(), line: None, column: None })
        .with_record(record(batch.records(), fault.row, Some((name, &fault.shown))))
    }

    fn ordinals(&self, columns: &[ArrayRef], rows: usize) -> Result<UInt64Array, PostgresError> {
        let column = |at: usize| {
            columns
                .get(at)
                .ok_or_else(|| PostgresError::Impossible("a column of the key is missing".to_owned()))
        };
        let ordinals = match &self.plan.order {
            Order::Integer(key) => integers(column(key.at)?, key, &self.plan)?,
            Order::Physical { at } => column(*at)?.as_primitive::<UInt64Type>().clone(),
            Order::Key(_) | Order::Unordered | Order::Blocks => {
                let mut ordinals = Vec::with_capacity(rows);
                self.runs.iter().for_each(|&(first, rows)| ordinals.extend(first..first + rows as u64));
                UInt64Array::from(ordinals)
            }
        };
        match ordinals.values().windows(2).find(|pair| pair[0] >= pair[1]) {
            None => Ok(ordinals),
            Some(_) => Err(not_unique(&self.plan)),
        }
    }
}

/// The error for a key that several rows share.
pub(super) fn not_unique(plan: &Plan) -> PostgresError {
    let names: Vec<_> = plan.key().iter().map(|key| key.column.name.as_str()).collect();
    PostgresError::user(
        "key_not_unique",
        format!("{}: several rows have the same key ({})", plan.place, names.join(", ")),
        "name columns under `key` that no two rows share",
    )
}

fn integers(values: &ArrayRef, key: &KeyColumn, plan: &Plan) -> Result<UInt64Array, PostgresError> {
    if values.null_count() > 0 {
        return Err(PostgresError::user(
            "key_null",
            format!("{}: column `{}` of the key is null in some rows", plan.place, key.column.name),
            "name columns under `key` that are never null",
        ));
    }
    Ok(match values.data_type() {
        DataType::Int16 => {
            ordinals(values.as_primitive::<Int16Type>().values().iter().map(|&key| key.into()))
        }
        DataType::Int32 => {
            ordinals(values.as_primitive::<Int32Type>().values().iter().map(|&key| key.into()))
        }
        DataType::UInt32 => {
            ordinals(values.as_primitive::<UInt32Type>().values().iter().map(|&key| key.into()))
        }
        DataType::Int64 => ordinals(values.as_primitive::<Int64Type>().values().iter().copied()),
        other => return Err(PostgresError::Impossible(format!("a key of type {other}"))),
    })
}

fn ordinals(keys: impl Iterator<Item = i64>) -> UInt64Array {
    UInt64Array::from_iter_values(keys.map(ordinal_of))
}
