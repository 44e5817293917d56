use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringArray, UInt32Array};
use arrow::compute::{CastOptions, cast_with_options, interleave, take};
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;
use etl_model::{Batch, is_json};
use etl_sdk::{ConnectorError, Processed, Processor, ProcessorCapabilities, Source};
use serde_json::Value;
use tokio::runtime::Handle;

use super::keeper::Keeper;
use super::table::Table;
use crate::enrich::attach::{attach, check};
use crate::enrich::config::{LookupRules, Taken};
use crate::key::Key;
use crate::record_errors::RecordErrors;
use crate::schema_cache::SchemaCache;
use crate::unfit::Unfit;

/// Looks a row up for each record.
pub(in crate::enrich) struct LookupEnrich {
    rules: LookupRules,
    keeper: Keeper,
    keys: SchemaCache<Result<Key, Unfit>>,
}

impl LookupEnrich {
    pub fn new(source: Arc<dyn Source>, rules: LookupRules) -> Self {
        Self { keeper: Keeper::new(source, rules.clone()), rules, keys: SchemaCache::new() }
    }

    fn key(&self, batch: &Batch) -> Result<Key, Unfit> {
        let schema = batch.schema();
        for taken in &self.rules.results {
            check(&schema, &taken.destination)?;
        }
        Key::new(&self.rules.key, &schema)
    }
}

/// One field of the records, out of the rows that were found; rows without one are put into `errors`.
fn column(
    taken: &Taken,
    table: &Table,
    found: &UInt32Array,
    errors: &mut RecordErrors,
) -> Result<(Field, ArrayRef), ConnectorError> {
    let internal = |error: ArrowError| ConnectorError::internal(format!("enrich: {error}"));
    let schema = table.rows.schema();
    let Some((at, field)) = schema.column_with_name(&taken.source) else {
        return Err(ConnectorError::internal(format!("the table has no column `{}`", taken.source)));
    };
    let values = take(table.rows.column(at), found, None).map_err(internal)?;
    let field = field.clone().with_nullable(true);
    let lacks = |row: usize| values.is_null(row);
    match &taken.default {
        None => {
            let path = taken.destination.join(".");
            for row in (0..values.len()).filter(|row| lacks(*row)) {
                let message = match found.is_null(row) {
                    true => "no row of the table has the key".to_owned(),
                    false => format!("`{}` is null in the table", taken.source),
                };
                errors.put(row, "enrich_no_value", message, Some(&path));
            }
            Ok((field, values))
        }
        Some(Value::Null) => Ok((field, values)),
        Some(_) if values.null_count() == 0 => Ok((field, values)),
        Some(default) => {
            let default = constant(&field, default).map_err(|message| {
                let message = format!("the default of `{}`: {message}", taken.source);
                ConnectorError::user(
                    "lookup_default",
                    message,
                    "write a default of the column's type, or null",
                )
            })?;
            let choice: Vec<(usize, usize)> =
                (0..values.len()).map(|row| if lacks(row) { (1, 0) } else { (0, row) }).collect();
            let values = interleave(&[values.as_ref(), default.as_ref()], &choice).map_err(internal)?;
            Ok((field, values))
        }
    }
}

/// A value of a column's type.
fn constant(field: &Field, value: &Value) -> Result<ArrayRef, String> {
    let wrong = || format!("{value} is not {}", field.data_type());
    let text = match (value, field.data_type()) {
        (value, _) if is_json(field) => value.to_string(),
        (Value::String(text), _) => text.clone(),
        (Value::Number(number), wanted) if wanted.is_numeric() => number.to_string(),
        (Value::Bool(value), DataType::Boolean) => value.to_string(),
        _ => return Err(wrong()),
    };
    let is_text = matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    if value.is_string() && (field.data_type().is_numeric() || *field.data_type() == DataType::Boolean) {
        return Err(wrong());
    }
    let array: ArrayRef = Arc::new(StringArray::from(vec![text]));
    let options = CastOptions { safe: is_text, ..CastOptions::default() };
    let made = cast_with_options(&array, field.data_type(), &options).map_err(|error| error.to_string())?;
    if made.null_count() > 0 { Err(wrong()) } else { Ok(made) }
}

impl Processor for LookupEnrich {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: true, waits: true }
    }

    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        let key = self.keys.get(&batch.schema(), || self.key(&batch));
        let key = match key.as_ref() {
            Ok(key) => key,
            Err(unfit) => return Ok(unfit.refuse(&batch)),
        };
        let table = Handle::current().block_on(self.keeper.table())?;
        let mut errors = RecordErrors::default();
        let found = table.find(key, &batch, &mut errors);
        let internal = |error: String| ConnectorError::internal(format!("enrich: {error}"));
        let mut records = batch.records().clone();
        for taken in &self.rules.results {
            let (field, values) = column(taken, &table, &found, &mut errors)?;
            records = attach(&records, &taken.destination, &field, values)
                .map_err(|error| internal(error.to_string()))?;
        }
        let made = batch.clone().with_records(records).map_err(|error| internal(error.to_string()))?;
        errors.take_out(&batch, made).map_err(|error| internal(error.to_string()))
    }
}
