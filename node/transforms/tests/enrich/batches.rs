use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use etl_expr::record_json;
use etl_model::{Batch, RecordError};
use etl_sdk::{FieldError, Processed, Processor, ProcessorConnector, Registry};
use etl_transforms::Enrich;
use serde_json::Value;

/// Records `{n, name}`; the names of multiples of 13 are null.
pub fn numbers(from: i64, to: i64) -> Batch {
    let names = (from..to).map(|n| (n % 13 != 0).then(|| format!("name \"{n}\"")));
    let columns: Vec<ArrayRef> =
        vec![Arc::new(Int64Array::from_iter_values(from..to)), Arc::new(StringArray::from_iter(names))];
    let schema =
        Schema::new(vec![Field::new("n", DataType::Int64, false), Field::new("name", DataType::Utf8, true)]);
    let records = RecordBatch::try_new(Arc::new(schema), columns).unwrap();
    Batch::new(records, UInt64Array::from_iter_values(from as u64..to as u64)).unwrap()
}

pub fn configure(tables: Registry, config: Value) -> Result<Arc<dyn Processor>, Vec<FieldError>> {
    Enrich::new(tables).configure(&config)
}

/// On a thread that may block, as the engine has it.
pub async fn process(
    enrich: &Arc<dyn Processor>,
    batch: Batch,
) -> Result<Processed, etl_sdk::ConnectorError> {
    let enrich = Arc::clone(enrich);
    tokio::task::spawn_blocking(move || enrich.process(batch)).await.unwrap()
}

/// The records that have gone on, by their ordinals.
pub fn gone_on(processed: &Processed) -> Vec<(u64, Value)> {
    let ordinals = processed.batch.ordinals().values().iter();
    ordinals
        .enumerate()
        .map(|(row, ordinal)| (*ordinal, record_json(processed.batch.records(), row)))
        .collect()
}

/// The failed records with their codes.
pub fn failed(errors: &[RecordError]) -> Vec<(u64, &str)> {
    errors.iter().map(|error| (error.ordinal, error.code.as_str())).collect()
}
