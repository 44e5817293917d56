use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, UInt64Type};
use arrow::error::ArrowError;
use etl_model::is_json;

use super::plan::ROW;

/// What a query has made of the records of a batch.
pub(super) struct Output {
    pub records: RecordBatch,
    /// The row that each record was made of.
    pub rows: UInt64Array,
}

impl Output {
    /// Joins the results of a plan, with the types that the other steps have.
    pub fn new(schema: &SchemaRef, results: &[RecordBatch]) -> Result<Self, ArrowError> {
        let joined = concat_batches(schema, results)?;
        let place = schema.index_of(ROW)?;
        let rows = joined.column(place).as_primitive::<UInt64Type>().clone();
        let (mut fields, mut columns) = (Vec::<FieldRef>::new(), Vec::new());
        for (index, (field, column)) in schema.fields().iter().zip(joined.columns()).enumerate() {
            if index != place {
                let field = plain(field);
                columns.push(cast(column, field.data_type())?);
                fields.push(field);
            }
        }
        let schema = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
        let options = RecordBatchOptions::new().with_row_count(Some(joined.num_rows()));
        Ok(Self { records: RecordBatch::try_new_with_options(schema, columns, &options)?, rows })
    }
}

/// The field without views, which not every step and destination takes. What a document was made into is none any more.
fn plain(field: &FieldRef) -> FieldRef {
    let data_type = plain_type(field.data_type());
    let made = field.as_ref().clone().with_data_type(data_type);
    let text = made.clone().with_data_type(DataType::Utf8);
    if is_json(&text) && !is_json(&made) {
        return Arc::new(Field::new(made.name(), made.data_type().clone(), made.is_nullable()));
    }
    Arc::new(made)
}

fn plain_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::List(item) | DataType::ListView(item) => DataType::List(plain(item)),
        DataType::LargeList(item) | DataType::LargeListView(item) => DataType::LargeList(plain(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(plain(item), *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(plain).collect::<Fields>()),
        DataType::Map(entries, sorted) => DataType::Map(plain(entries), *sorted),
        other => other.clone(),
    }
}
