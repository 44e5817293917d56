use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringArray, StructArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema};
use arrow::error::ArrowError;
use etl_model::Batch;
use etl_sdk::{ConnectorError, Processed, Processor, ProcessorCapabilities};

use super::config::Rules;
use crate::cast::cast_cells;
use crate::cells::Cell;
use crate::column_text::ColumnText;
use crate::field_path::Place;
use crate::record_errors::RecordErrors;
use crate::unfit::Unfit;

/// A configured parser.
pub(super) struct ParseProcessor {
    rules: Rules,
}

fn internal(error: impl std::fmt::Display) -> ConnectorError {
    ConnectorError::internal(format!("parse: {error}"))
}

impl ParseProcessor {
    pub fn new(rules: Rules) -> Self {
        Self { rules }
    }

    /// Whether what is found is one value without a name of its own.
    fn is_single(&self) -> bool {
        self.rules.found.iter().all(|(name, _)| name.is_none())
    }

    /// The names of the fields that are added.
    fn new_names(&self) -> Vec<&str> {
        match &self.rules.into {
            Some(into) => vec![into],
            None => self.rules.found.iter().filter_map(|(name, _)| name.as_deref()).collect(),
        }
    }

    fn place(&self, schema: &Schema) -> Result<Place, Unfit> {
        let path = self.rules.field.text();
        let missing = || Unfit::new("missing_field", format!("there is no field `{path}`"), path);
        let place = self.rules.field.find(schema).ok_or_else(missing)?;
        let gone = (!self.rules.keep && !place.is_nested()).then(|| place.field().name().as_str());
        let mut new = self.new_names().into_iter();
        match new.find(|name| Some(*name) != gone && schema.field_with_name(name).is_ok()) {
            None => Ok(place),
            Some(name) => {
                let message = format!("the records have a field `{name}` already");
                let unfit = Unfit::new("duplicate_field", message, name);
                Err(unfit.with_help("put what is found into a record of its own with `into`"))
            }
        }
    }

    /// What is found in the texts, one column for each entry of `found`.
    fn columns(&self, texts: &StringArray, errors: &mut RecordErrors) -> Result<Vec<ArrayRef>, ArrowError> {
        let path = self.rules.field.text();
        let mut found: Vec<Vec<Option<Cow<'_, str>>>> =
            vec![Vec::with_capacity(texts.len()); self.rules.found.len()];
        for (row, text) in texts.iter().enumerate() {
            let parsed = text.map(|text| self.rules.parser.parse(text));
            let mut values = match parsed {
                Some(Ok(values)) => values,
                Some(Err(failure)) => {
                    errors.put(row, failure.code, failure.message, Some(path));
                    Vec::new()
                }
                None => Vec::new(),
            }
            .into_iter();
            found.iter_mut().for_each(|column| column.push(values.next().flatten()));
        }
        let json = self.rules.parser.finds_json();
        let cast = |((name, field_type), values): (&(Option<String>, _), &Vec<Option<Cow<'_, str>>>)| {
            let cells = values.iter().map(|value| match value {
                Some(value) if json => Cell::Json(value),
                Some(value) => Cell::Text(value),
                None => Cell::Null,
            });
            cast_cells(cells, field_type, name.as_deref().unwrap_or(path), errors)
        };
        self.rules.found.iter().zip(&found).map(cast).collect()
    }

    fn records(
        &self,
        given: &RecordBatch,
        place: &Place,
        columns: Vec<ArrayRef>,
        nulls: Option<NullBuffer>,
    ) -> Result<RecordBatch, ArrowError> {
        let field = |name: &str, at: usize| -> Option<FieldRef> {
            Some(Arc::new(self.rules.found.get(at)?.1.target.field(name)))
        };
        let own = |(name, _): &(Option<String>, _)| name.clone();
        let names: Vec<String> = self.rules.found.iter().filter_map(own).collect();
        let fields: Vec<FieldRef> =
            names.iter().enumerate().filter_map(|(at, name)| field(name, at)).collect();
        let first = columns.first().cloned();
        let added: Vec<(FieldRef, ArrayRef)> = match (&self.rules.into, self.is_single()) {
            (Some(into), true) => field(into, 0).zip(first).into_iter().collect(),
            (None, true) => {
                let value = field(place.field().name(), 0).zip(first);
                return place.replace(given, value);
            }
            (Some(into), false) => {
                let fields = Fields::from(fields);
                let record =
                    StructArray::try_new_with_length(fields.clone(), columns, nulls, given.num_rows())?;
                let field = Field::new(into, DataType::Struct(fields), true);
                vec![(Arc::new(field), Arc::new(record))]
            }
            (None, false) => fields.into_iter().zip(columns).collect(),
        };
        let rest = if self.rules.keep { given.clone() } else { place.replace(given, None)? };
        let (fields, columns): (Vec<FieldRef>, Vec<ArrayRef>) = added.into_iter().unzip();
        let all_fields: Vec<FieldRef> = rest.schema().fields().iter().cloned().chain(fields).collect();
        let all_columns = rest.columns().iter().cloned().chain(columns).collect();
        let schema = Schema::new_with_metadata(all_fields, rest.schema().metadata().clone());
        let options = RecordBatchOptions::new().with_row_count(Some(given.num_rows()));
        RecordBatch::try_new_with_options(Arc::new(schema), all_columns, &options)
    }
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Null
        | DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

impl Processor for ParseProcessor {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: true, waits: false }
    }

    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        let place = match self.place(&batch.schema()) {
            Ok(place) => place,
            Err(unfit) => return Ok(unfit.refuse(&batch)),
        };
        let column = place.values(batch.records()).map_err(internal)?;
        let path = self.rules.field.text();
        let texts = match is_text(place.field().data_type()) {
            true => ColumnText::of(&column, place.field()).map_err(internal)?,
            false => None,
        };
        let Some(texts) = texts else {
            let message = format!("`{path}` is of the type {}, which is no text", place.field().data_type());
            return Ok(Unfit::new("not_a_text", message, path).refuse(&batch));
        };
        let mut errors = RecordErrors::default();
        errors.add(texts.errors, Some(path));
        let nulls = texts.values.nulls().cloned();
        let columns = self.columns(&texts.values, &mut errors).map_err(internal)?;
        let records = self.records(batch.records(), &place, columns, nulls).map_err(internal)?;
        let made = batch.clone().with_records(records).map_err(internal)?;
        errors.take_out(&batch, made).map_err(internal)
    }
}
