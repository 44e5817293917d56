use std::collections::HashMap;
use std::collections::hash_map::Entry;

use arrow::array::{RecordBatch, UInt32Array, UInt64Array};
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use etl_expr::record_json;
use etl_model::Batch;
use etl_sdk::ConnectorError;

use crate::enrich::config::{Duplicates, LookupRules};
use crate::key::Key;
use crate::record_errors::RecordErrors;

/// A table in memory, with its rows by key.
#[derive(Debug)]
pub(super) struct Table {
    pub rows: RecordBatch,
    by_key: HashMap<Box<[u8]>, u32>,
}

/// Characters of a row that are shown.
const SHOWN: usize = 200;

impl Table {
    /// The table of these batches, which have one schema.
    ///
    /// # Errors
    /// It has no column that is looked up by, a row has no key, or several have the same one and may not.
    pub fn new(
        rules: &LookupRules,
        schema: SchemaRef,
        batches: &[RecordBatch],
    ) -> Result<Self, ConnectorError> {
        let fault = |message: String| {
            let help = "mend the table, or `lookup_key`, `result_mapping` and `duplicates`";
            ConnectorError::user("lookup_table", message, help)
        };
        let rows = concat_batches(&schema, batches).map_err(|error| fault(error.to_string()))?;
        if u32::try_from(rows.num_rows()).is_err() {
            return Err(fault(format!("the table has {} rows", rows.num_rows())));
        }
        for taken in &rules.results {
            if schema.column_with_name(&taken.source).is_none() {
                return Err(fault(format!("the table has no column `{}`", taken.source)));
            }
        }
        let key = Key::new(&rules.lookup_key, &schema);
        let key = key.map_err(|unfit| fault(format!("column `{}`: {}", unfit.field, unfit.fault.message)))?;
        let ordinals: UInt64Array = (0..rows.num_rows() as u64).collect();
        let batch = Batch::new(rows.clone(), ordinals).map_err(|error| fault(error.to_string()))?;
        let mut errors = RecordErrors::default();
        let keys = key.each_whole(&batch, "lookup_table", &mut errors, |bytes| Box::<[u8]>::from(bytes));
        if let Some(error) = errors.finish(&batch).into_iter().next() {
            let column = error.field.unwrap_or_default();
            return Err(fault(format!("column `{column}` of {}: {}", shown(&error.record), error.message)));
        }
        let mut by_key = HashMap::with_capacity(keys.len());
        for (row, key) in (0u32..).zip(keys).filter(|(_, key)| !key.is_empty()) {
            match by_key.entry(key) {
                Entry::Vacant(entry) => {
                    entry.insert(row);
                }
                Entry::Occupied(mut entry) => match rules.duplicates {
                    Duplicates::First => {}
                    Duplicates::Last => {
                        entry.insert(row);
                    }
                    Duplicates::Fail => {
                        let [first, second] =
                            [*entry.get(), row].map(|row| shown(&record_json(&rows, row as usize)));
                        return Err(fault(format!(
                            "two rows of the table have the same key: {first} and {second}"
                        )));
                    }
                },
            }
        }
        Ok(Self { rows, by_key })
    }

    /// The rows for the keys of a batch; null where there is none. What stands for a row in `errors` means nothing.
    pub fn find(&self, key: &Key, batch: &Batch, errors: &mut RecordErrors) -> UInt32Array {
        let found = key.each_whole(batch, "lookup_key", errors, |bytes| self.by_key.get(bytes).copied());
        found.into_iter().collect()
    }
}

fn shown(row: &serde_json::Value) -> String {
    let text = row.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
