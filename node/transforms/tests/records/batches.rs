use std::sync::Arc;

use arrow::array::{RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Fields, Schema};
use arrow::json::ReaderBuilder;
use etl_expr::record_json;
use etl_model::Batch;
use etl_sdk::{Processed, Processor, ProcessorConnector};
use serde_json::Value;

/// Rows with ordinals 10, 20, ... out of JSON objects.
pub fn batch(fields: Vec<Field>, rows: &[Value]) -> Batch {
    numbered(fields, rows, 10)
}

/// Rows with every so many ordinals.
pub fn numbered(fields: Vec<Field>, rows: &[Value], apart: u64) -> Batch {
    let schema = Arc::new(Schema::new(fields));
    let mut decoder =
        ReaderBuilder::new(schema.clone()).with_batch_size(rows.len().max(1)).build_decoder().unwrap();
    decoder.serialize(rows).unwrap();
    let records = decoder.flush().unwrap().unwrap_or_else(|| RecordBatch::new_empty(schema));
    let ordinals = UInt64Array::from_iter_values((1..=rows.len() as u64).map(|row| row * apart));
    Batch::new(records, ordinals).unwrap()
}

pub fn field(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

pub fn record(name: &str, fields: Vec<Field>) -> Field {
    field(name, DataType::Struct(Fields::from(fields)))
}

pub fn list(name: &str, item: Field) -> Field {
    field(name, DataType::List(Arc::new(item.with_name("item"))))
}

#[track_caller]
pub fn configured(connector: impl ProcessorConnector, config: Value) -> Arc<dyn Processor> {
    connector.configure(&config).unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// The faults of a config, each with code and place.
#[track_caller]
pub fn faults(connector: impl ProcessorConnector, config: Value) -> Vec<String> {
    let errors = connector.configure(&config).err().expect("the config is at fault");
    errors.iter().map(|error| format!("{} {error}", error.code)).collect()
}

pub fn rows(processed: &Processed) -> Vec<Value> {
    (0..processed.batch.len()).map(|row| record_json(processed.batch.records(), row)).collect()
}

pub fn ordinals(processed: &Processed) -> Vec<u64> {
    processed.batch.ordinals().values().to_vec()
}

/// Ordinal and code of each error.
pub fn errors(processed: &Processed) -> Vec<(u64, &str)> {
    processed.errors.iter().map(|error| (error.ordinal, error.code.as_str())).collect()
}

/// Of a configured step for a batch.
#[track_caller]
pub fn process(connector: impl ProcessorConnector, config: Value, batch: Batch) -> Processed {
    configured(connector, config).process(batch).unwrap()
}

/// Every field of the schema is documented, and the example is one of this type.
pub fn describes_itself(connector: impl ProcessorConnector) {
    let descriptor = connector.descriptor();
    etl_sdk::conformance::descriptor(&descriptor).unwrap();
    let schema = serde_json::to_value(&descriptor.schema).unwrap();
    for (name, field) in schema["properties"].as_object().unwrap() {
        assert!(field["description"].is_string(), "{name} is documented");
    }
    assert_eq!(schema["additionalProperties"], false);
    assert!(descriptor.example.starts_with(&format!("type: {}\n", descriptor.name)));
}
