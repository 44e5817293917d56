use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, NullArray, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow::compute::{take, take_record_batch};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use arrow::error::ArrowError;
use etl_model::Batch;
use etl_sdk::{ConnectorError, Processed, Processor, ProcessorCapabilities};

use super::connector::Rules;
use super::elements::Elements;
use crate::field_path::Place;
use crate::record_errors::RecordErrors;
use crate::unfit::Unfit;

/// A configured explosion.
pub(super) struct ExplodeProcessor {
    rules: Rules,
}

/// For each record that goes on, the row it comes from and the element it has.
struct Rows {
    given: Vec<u64>,
    element: Vec<Option<u64>>,
    index: Vec<Option<i64>>,
}

fn internal(error: impl std::fmt::Display) -> ConnectorError {
    ConnectorError::internal(format!("explode: {error}"))
}

impl ExplodeProcessor {
    pub fn new(rules: Rules) -> Self {
        Self { rules }
    }

    /// Where the list is; `None` where it may be missing and is.
    fn place(&self, schema: &Schema) -> Result<Option<Place>, Unfit> {
        let Rules { field, target, index_field, .. } = &self.rules;
        let place = match field.find(schema) {
            None if !self.rules.optional => return Err(Unfit::missing(field.text())),
            place => place,
        };
        for new in [target, index_field].into_iter().flatten() {
            // The list itself is gone if the element stands elsewhere.
            let gone = target.is_some()
                && place.as_ref().is_some_and(|place| !place.is_nested() && place.field().name() == new);
            if !gone && schema.field_with_name(new).is_ok() {
                let message = format!("the records have a field `{new}` already");
                let unfit = Unfit::new("duplicate_field", message, new);
                return Err(unfit.with_help("give the new field another name"));
            }
        }
        Ok(place)
    }

    /// Which rows there are, and which go nowhere.
    fn rows(&self, batch: &Batch, elements: &Elements, errors: &RecordErrors) -> (Rows, Vec<u64>) {
        let mut rows = Rows { given: Vec::new(), element: Vec::new(), index: Vec::new() };
        let mut filtered = Vec::new();
        let sound = errors.sound(batch.len());
        for (row, &(start, end)) in elements.spans.iter().enumerate().filter(|(row, _)| sound.value(*row)) {
            for (index, element) in (start..end).enumerate() {
                rows.given.push(row as u64);
                rows.element.push(Some(element as u64));
                rows.index.push(i64::try_from(index).ok());
            }
            if start == end && self.rules.keep_empty {
                rows.given.push(row as u64);
                rows.element.push(None);
                rows.index.push(None);
            } else if start == end {
                filtered.push(batch.ordinals().value(row));
            }
        }
        (rows, filtered)
    }

    fn records(
        &self,
        given: &RecordBatch,
        place: Option<&Place>,
        elements: &Elements,
        rows: &Rows,
    ) -> Result<RecordBatch, ArrowError> {
        let parents = UInt64Array::from(rows.given.clone());
        let element = take(&elements.values, &UInt64Array::from(rows.element.clone()), None)?;
        // The lists are taken out first: repeated with every element, they would need memory by the square.
        let mut records = match place {
            Some(place) => {
                let nothing: ArrayRef = Arc::new(NullArray::new(given.num_rows()));
                let field = Arc::new(Field::new(place.field().name(), DataType::Null, true));
                take_record_batch(&place.replace(given, Some((field, nothing)))?, &parents)?
            }
            None => take_record_batch(given, &parents)?,
        };
        let named = |name: &str| -> FieldRef {
            Arc::new(elements.field.as_ref().clone().with_name(name).with_nullable(true))
        };
        match (place, &self.rules.target) {
            (Some(place), None) => {
                records = place.replace(&records, Some((named(place.field().name()), element)))?;
            }
            (Some(place), Some(target)) => {
                records = append(&place.replace(&records, None)?, named(target), element)?;
            }
            (None, Some(target)) => records = append(&records, named(target), element)?,
            (None, None) => {}
        }
        match &self.rules.index_field {
            None => Ok(records),
            Some(name) => {
                let index: ArrayRef = Arc::new(Int64Array::from(rows.index.clone()));
                append(&records, Arc::new(Field::new(name, DataType::Int64, true)), index)
            }
        }
    }
}

fn append(records: &RecordBatch, field: FieldRef, column: ArrayRef) -> Result<RecordBatch, ArrowError> {
    let schema = records.schema();
    let mut fields: Vec<FieldRef> = schema.fields().iter().cloned().collect();
    fields.push(field);
    let mut columns = records.columns().to_vec();
    columns.push(column);
    let schema = Schema::new_with_metadata(fields, schema.metadata().clone());
    let options = RecordBatchOptions::new().with_row_count(Some(records.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(schema), columns, &options)
}

impl Processor for ExplodeProcessor {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: true, waits: false }
    }

    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        let place = match self.place(&batch.schema()) {
            Ok(place) => place,
            Err(unfit) => return Ok(unfit.refuse(&batch)),
        };
        let mut errors = RecordErrors::default();
        let path = self.rules.field.text();
        let elements = match &place {
            None => Elements::none(batch.len()),
            Some(place) => {
                let column = place.values(batch.records()).map_err(internal)?;
                match Elements::of(&column, place.field(), path, &mut errors).map_err(internal)? {
                    Some(elements) => elements,
                    None => {
                        let kind = place.field().data_type();
                        let message = format!("`{path}` is of the type {kind}, which has no elements");
                        return Ok(Unfit::new("not_a_list", message, path).refuse(&batch));
                    }
                }
            }
        };
        let (rows, filtered) = self.rows(&batch, &elements, &errors);
        let records = self.records(batch.records(), place.as_ref(), &elements, &rows).map_err(internal)?;
        let ordinals = take(batch.ordinals(), &UInt64Array::from(rows.given), None).map_err(internal)?;
        let made = Batch::new(records, ordinals.as_primitive().clone()).map_err(internal)?;
        Ok(Processed { batch: made, filtered, errors: errors.finish(&batch) })
    }
}
