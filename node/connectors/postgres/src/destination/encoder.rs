use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{BooleanArray, UInt64Array};
use arrow::datatypes::SchemaRef;
use etl_model::{Batch, RecordError};
use etl_sdk::{ConnectorError, Encoded, Encoder, Payload};

use super::config::Config;
use super::layout::Layout;
use crate::PostgresError;
use crate::catalog::Table;
use crate::record::record;
use crate::types::CellFault;

/// What the encoder and all writers of a destination know of its table.
pub(super) struct Shared {
    pub(super) config: Config,
    state: Mutex<State>,
    /// Whether units are kept until they are written, because the server has refused a row before.
    careful: AtomicBool,
}

#[derive(Default)]
struct State {
    table: Option<Arc<Table>>,
    /// The layout of the last schema.
    layout: Option<(SchemaRef, Arc<Layout>)>,
}

impl Shared {
    pub(super) fn new(config: Config) -> Self {
        Self { config, state: Mutex::default(), careful: AtomicBool::new(false) }
    }

    /// Notes what the table looks like; batches encoded from now on fit it.
    pub(super) fn saw(&self, table: Option<Table>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.table.as_deref() != table.as_ref() {
            *state = State { table: table.map(Arc::new), layout: None };
        }
    }

    /// Whether the server has refused a row before.
    pub(super) fn is_careful(&self) -> bool {
        self.careful.load(Ordering::Relaxed)
    }

    /// Notes that it has.
    pub(super) fn be_careful(&self) {
        self.careful.store(true, Ordering::Relaxed);
    }

    fn layout(&self, schema: &SchemaRef) -> Result<Arc<Layout>, PostgresError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, layout)) = &state.layout
            && (Arc::ptr_eq(known, schema) || known == schema)
        {
            return Ok(layout.clone());
        }
        let place = self.config.place();
        let layout = Arc::new(Layout::new(schema, state.table.as_deref(), &self.config.mode, &place)?);
        state.layout = Some((schema.clone(), layout.clone()));
        Ok(layout)
    }
}

/// Encodes batches as the tuples that the table takes.
pub(super) struct TupleEncoder(pub(super) Arc<Shared>);

impl Encoder for TupleEncoder {
    fn encode(&self, batch: Batch) -> Result<Encoded, ConnectorError> {
        let layout = self.0.layout(&batch.schema())?;
        let mut body = Vec::new();
        let faults = layout
            .encoding
            .encode(batch.records(), &mut body)
            .map_err(|error| ConnectorError::internal(error.to_string()))?;
        let errors: Vec<RecordError> = faults.iter().map(|fault| refused(&batch, &layout, fault)).collect();
        let ordinals = if faults.is_empty() { batch.ordinals().clone() } else { without(&batch, &faults)? };
        Ok(Encoded {
            rows: ordinals.len() as u64,
            bytes: body.capacity(),
            payload: Payload::Rows { body, ordinals, layout },
            errors,
        })
    }
}

fn without(batch: &Batch, faults: &[CellFault]) -> Result<UInt64Array, ConnectorError> {
    let mut keep = vec![true; batch.len()];
    for fault in faults {
        if let Some(kept) = keep.get_mut(fault.row) {
            *kept = false;
        }
    }
    let kept = batch.clone().filter(&BooleanArray::from(keep));
    Ok(kept.map_err(|error| ConnectorError::internal(error.to_string()))?.ordinals().clone())
}

fn refused(batch: &Batch, layout: &Layout, fault: &CellFault) -> RecordError {
    let name = layout.columns.get(fault.column).map_or("", |column| column.name.as_str());
    RecordError::new(
        batch.ordinals().value(fault.row),
        fault.code,
        format!("column `{name}`: {}", fault.message),
    )
    .with_field(name)
    .with_help(fault.help)
    .with_record(record(batch.records(), fault.row, Some((name, &fault.shown))))
}
