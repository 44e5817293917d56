use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use etl_model::Batch;
use etl_sdk::{ConnectorError, Processed, Processor, ProcessorCapabilities};
use rhai::{Dynamic, Map};

use crate::record_errors::RecordErrors;
use crate::script::config::ScriptRules;
use crate::script::reader::{Read, read};
use crate::script::shape::Shape;
use crate::script::writer::write;

/// A compiled script, run for one record at a time.
pub(crate) struct ScriptProcessor {
    rules: ScriptRules,
}

/// A record that the script has made, with the row it was made of.
struct Made {
    row: usize,
    record: Map,
}

impl ScriptProcessor {
    pub fn new(rules: ScriptRules) -> Self {
        Self { rules }
    }

    /// Runs the script for every row; rows without a record are filtered or in `errors`.
    fn run(&self, batch: &Batch, errors: &mut RecordErrors) -> Result<Vec<Made>, ArrowError> {
        let schema = batch.schema();
        let columns: Vec<(&str, Vec<Read>)> = schema
            .fields()
            .iter()
            .zip(batch.records().columns())
            .map(|(field, column)| Ok((field.name().as_str(), read(column, field)?)))
            .collect::<Result<_, ArrowError>>()?;
        let mut columns: Vec<_> =
            columns.into_iter().map(|(name, values)| (name, values.into_iter())).collect();
        let mut made = Vec::with_capacity(batch.len());
        for row in 0..batch.len() {
            let mut record = Map::new();
            let mut sound = true;
            for (name, values) in &mut columns {
                match values.next().unwrap_or(Ok(Dynamic::UNIT)) {
                    Ok(value) => {
                        record.insert((*name).into(), value);
                    }
                    Err(failure) => {
                        errors.put(row, failure.code, failure.message, Some(name));
                        sound = false;
                    }
                }
            }
            if !sound {
                continue;
            }
            match self.rules.sandbox.run(record) {
                Ok(records) => made.extend(records.into_iter().map(|record| Made { row, record })),
                Err(failure) => errors.put(row, failure.code, failure.message, None),
            }
        }
        Ok(made)
    }

    /// The names of the new records' fields: those of the input in its order, then the others.
    fn names(schema: &Schema, made: &[Made]) -> Vec<String> {
        let found: BTreeSet<&str> =
            made.iter().flat_map(|made| made.record.keys().map(|name| name.as_str())).collect();
        let known = schema.fields().iter().map(|field| field.name().as_str());
        let old: Vec<&str> = known.filter(|name| found.contains(name)).collect();
        let new = found.iter().copied().filter(|name| schema.field_with_name(name).is_err());
        old.iter().copied().chain(new).map(str::to_owned).collect()
    }

    fn columns(
        &self,
        schema: &SchemaRef,
        mut made: Vec<Made>,
        errors: &mut RecordErrors,
    ) -> Result<RecordBatch, ArrowError> {
        let names = match &self.rules.output {
            Some(output) => output.iter().map(|(name, _)| name.clone()).collect(),
            None => Self::names(schema, &made),
        };
        let rows: Vec<usize> = made.iter().map(|made| made.row).collect();
        let (mut fields, mut columns): (Vec<Field>, Vec<ArrayRef>) = (Vec::new(), Vec::new());
        for (place, name) in names.iter().enumerate() {
            let values: Vec<Dynamic> = made
                .iter_mut()
                .map(|made| made.record.remove(name.as_str()).unwrap_or(Dynamic::UNIT))
                .collect();
            let declared = self.rules.output.as_ref().and_then(|output| output.get(place));
            let kind =
                declared.map_or_else(|| inferred(&values, &rows, name, errors), |(_, kind)| kind.clone());
            let known = schema.field_with_name(name).ok().filter(|_| kind == Shape::Null);
            let (column, failed) = write(&values, &kind)?;
            for (at, failure) in failed {
                if let Some(row) = rows.get(at) {
                    errors.put(*row, failure.code, failure.message, Some(name));
                }
            }
            match known {
                Some(field) => {
                    fields.push(field.clone().with_nullable(true));
                    columns.push(arrow::array::new_null_array(field.data_type(), values.len()));
                }
                None => {
                    fields.push(kind.field(name));
                    columns.push(column);
                }
            }
        }
        for made in made {
            if let Some(name) = made.record.keys().next() {
                let message = format!("the record has a field `{name}`, which `output` lacks");
                errors.put(made.row, "unknown_field", message, Some(name));
            }
        }
        let schema = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        RecordBatch::try_new_with_options(schema, columns, &options)
    }
}

/// The kind of all values; a value that no column can hold fails its record.
fn inferred(values: &[Dynamic], rows: &[usize], name: &str, errors: &mut RecordErrors) -> Shape {
    let mut joined = Shape::Null;
    for (value, row) in values.iter().zip(rows) {
        match Shape::of(value) {
            Some(kind) => joined = joined.join(kind),
            None => {
                let message = format!("a value of type {} cannot be part of a record", value.type_name());
                errors.put(*row, "invalid_type", message, Some(name));
            }
        }
    }
    joined
}

impl Processor for ScriptProcessor {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: true, waits: false }
    }

    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        let internal = |error: String| ConnectorError::internal(format!("script: {error}"));
        let mut errors = RecordErrors::default();
        let made = self.run(&batch, &mut errors).map_err(|error| internal(error.to_string()))?;
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        made.iter().for_each(|made| *counts.entry(made.row).or_default() += 1);
        let rows: Vec<usize> = made.iter().map(|made| made.row).collect();
        let ran = errors.sound(batch.len());
        let ordinals = batch.ordinals().values();
        let filtered = (0..batch.len()).filter(|row| ran.value(*row) && !counts.contains_key(row));
        let filtered = filtered.filter_map(|row| ordinals.get(row).copied()).collect();
        let records =
            self.columns(&batch.schema(), made, &mut errors).map_err(|error| internal(error.to_string()))?;
        let numbers: UInt64Array = rows.iter().map(|row| ordinals.get(*row).copied()).collect();
        let new = Batch::new(records, numbers).map_err(|error| internal(error.to_string()))?;
        if errors.is_empty() {
            return Ok(Processed { batch: new, filtered, errors: Vec::new() });
        }
        let sound = errors.sound(batch.len());
        let keep: BooleanArray = rows.iter().map(|row| Some(sound.value(*row))).collect();
        let kept = new.filter(&keep).map_err(|error| internal(error.to_string()))?;
        Ok(Processed { batch: kept, filtered, errors: errors.finish(&batch) })
    }
}
