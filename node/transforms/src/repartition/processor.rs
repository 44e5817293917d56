use std::num::NonZeroU16;

use arrow::array::{AsArray, UInt32Array};
use arrow::compute::{take, take_record_batch};
use arrow::error::ArrowError;
use etl_expr::Expression;
use etl_model::{Batch, BatchError, RecordError};
use etl_sdk::{ConnectorError, Divided, Processed, Processor, ProcessorCapabilities, Repartition};
use xxhash_rust::xxh3::xxh3_64;

use crate::key::Key;
use crate::record_errors::RecordErrors;
use crate::schema_cache::SchemaCache;
use crate::unfit::Unfit;

/// What is wrong with a value that cannot be part of a key.
const CODE: &str = "repartition_key";

/// The shard of a key: XXH3 with 64 bits (seed 0) of its canonical bytes, modulo the number of shards. Fixed for ever, by the
/// hash's specification.
fn shard(key: &[u8], shards: NonZeroU16) -> u16 {
    // Less than 2^16, as the divisor.
    (xxh3_64(key) % u64::from(shards.get())) as u16
}

/// A configured repartition; the fields of its key are found per schema as batches arrive.
pub(super) struct RepartitionProcessor {
    by: Vec<String>,
    paths: Vec<Expression>,
    shards: NonZeroU16,
    keys: SchemaCache<Result<Key, Unfit>>,
}

fn internal(error: impl std::fmt::Display) -> ConnectorError {
    ConnectorError::internal(format!("repartition: {error}"))
}

impl RepartitionProcessor {
    pub fn new(by: Vec<String>, shards: NonZeroU16) -> Self {
        let paths = by.iter().map(|path| Expression::path(path)).collect();
        Self { by, paths, shards, keys: SchemaCache::new() }
    }

    /// The shard of each row, and the rows that have none.
    fn assign(&self, batch: &Batch) -> (Vec<u16>, RecordErrors) {
        let mut errors = RecordErrors::default();
        let schema = batch.schema();
        let key = self.keys.get(&schema, || Key::new(&self.paths, &schema));
        let assigned = match key.as_ref() {
            Ok(key) => key.each(batch, CODE, &mut errors, |key| shard(key, self.shards)),
            Err(unfit) => {
                errors.add_all(batch.len(), &unfit.fault, Some(&unfit.field));
                vec![0; batch.len()]
            }
        };
        (assigned, errors)
    }
}

/// The rows of a batch that have a shard, with it.
fn sound(batch: Batch, assigned: Vec<u16>, errors: RecordErrors) -> Result<Sound, ConnectorError> {
    if errors.is_empty() {
        return Ok(Sound { batch, assigned, errors: Vec::new() });
    }
    let mask = errors.sound(batch.len());
    let kept = batch.filter(&mask).map_err(internal)?;
    let assigned = assigned.into_iter().zip(mask.values()).filter(|(_, sound)| *sound);
    let assigned = assigned.map(|(shard, _)| shard).collect();
    Ok(Sound { batch: kept, assigned, errors: errors.finish(&batch) })
}

struct Sound {
    batch: Batch,
    assigned: Vec<u16>,
    errors: Vec<RecordError>,
}

/// The rows at these places.
fn pick(batch: &Batch, rows: Vec<u32>) -> Result<Batch, BatchError> {
    let rows = UInt32Array::from(rows);
    let records = take_record_batch(batch.records(), &rows)?;
    let ordinals = take(batch.ordinals(), &rows, None)?;
    let ordinals = ordinals
        .as_primitive_opt()
        .ok_or_else(|| ArrowError::ComputeError("ordinals have changed their type".to_owned()))?;
    Batch::new(records, ordinals.clone())
}

impl Repartition for RepartitionProcessor {
    fn by(&self) -> &[String] {
        &self.by
    }

    fn shards(&self) -> NonZeroU16 {
        self.shards
    }

    fn divide(&self, batch: Batch) -> Result<Divided, ConnectorError> {
        let (assigned, errors) = self.assign(&batch);
        let Sound { batch, assigned, errors } = sound(batch, assigned, errors)?;
        let mut rows: Vec<Vec<u32>> = vec![Vec::new(); usize::from(self.shards.get())];
        for (row, shard) in assigned.iter().enumerate() {
            // Below the number of shards.
            rows[usize::from(*shard)].push(u32::try_from(row).map_err(internal)?);
        }
        let of_shard = |rows: Vec<u32>| match rows.len() {
            0 => Ok(batch.slice(0, 0)),
            all if all == batch.len() => Ok(batch.clone()),
            _ => pick(&batch, rows).map_err(internal),
        };
        Ok(Divided { shards: rows.into_iter().map(of_shard).collect::<Result<_, _>>()?, errors })
    }
}

impl Processor for RepartitionProcessor {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: true, waits: false }
    }

    fn repartition(&self) -> Option<&dyn Repartition> {
        Some(self)
    }

    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        let (assigned, errors) = self.assign(&batch);
        let Sound { batch, errors, .. } = sound(batch, assigned, errors)?;
        Ok(Processed { batch, filtered: Vec::new(), errors })
    }
}
