use std::num::NonZeroU16;

use arrow::datatypes::Schema;
use etl_expr::{Compiled, ExprError, Expression, RowError};
use etl_model::Batch;
use xxhash_rust::xxh3::xxh3_64;

use super::column::Column;
use crate::filter::first;
use crate::record_errors::RecordErrors;

/// What is wrong with a value that cannot be part of a key.
const CODE: &str = "repartition_key";

/// The shard of a key: XXH3 with 64 bits (seed 0) of its canonical bytes, modulo the number of shards. Fixed for ever, by the
/// hash's specification.
fn shard(key: &[u8], shards: NonZeroU16) -> u16 {
    // Less than 2^16, as the divisor.
    (xxh3_64(key) % u64::from(shards.get())) as u16
}

/// The fields of a key, found in one schema.
pub(super) struct Key(Vec<(String, Compiled)>);

/// A field that no row of a schema can have.
pub(super) struct Unfit {
    pub fault: ExprError,
    pub field: String,
}

impl Key {
    /// Finds the fields in batches of `schema`.
    pub fn new(paths: &[Expression], schema: &Schema) -> Result<Self, Unfit> {
        let compile = |path: &Expression| {
            let field = path.text().to_owned();
            match path.compile(schema) {
                Ok(compiled) => Ok((field, compiled)),
                Err(faults) => Err(Unfit { fault: first(faults), field }),
            }
        };
        Ok(Self(paths.iter().map(compile).collect::<Result<_, _>>()?))
    }

    /// The shard of each row; what stands for a row in `errors` means nothing.
    pub fn shards(&self, batch: &Batch, shards: NonZeroU16, errors: &mut RecordErrors) -> Vec<u16> {
        let mut columns = Vec::with_capacity(self.0.len());
        for (name, compiled) in &self.0 {
            let evaluated = compiled.evaluate(batch.records());
            errors.add(evaluated.errors, Some(name));
            match Column::new(&evaluated.values, &compiled.field(name)) {
                Ok(column) => columns.push((name, column)),
                Err(unkeyed) => {
                    let fault = ExprError { offset: None, code: CODE, message: unkeyed.message, help: None };
                    errors.add_all(batch.len(), &fault, Some(name));
                    return vec![0; batch.len()];
                }
            }
        }
        let mut key = Vec::new();
        let mut of_row = |row: usize| {
            key.clear();
            for (name, column) in &columns {
                if let Err(unkeyed) = column.put(row, &mut key) {
                    errors.add(vec![RowError { row, code: CODE, message: unkeyed.message }], Some(name));
                    return 0;
                }
            }
            shard(&key, shards)
        };
        (0..batch.len()).map(&mut of_row).collect()
    }
}
