use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, FieldRef, Schema};
use arrow::error::ArrowError;
use etl_model::Batch;
use etl_sdk::{
    ConnectorError, Descriptor, FieldError, Processed, Processor, ProcessorCapabilities, ProcessorConnector,
    parse_config,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::field_path::child;
use crate::unfit::Unfit;

/// The `flatten` transformation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Flatten;

/// Brings the fields of nested records to the top level.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FlattenConfig {
    /// What stands between the names: `user.email` becomes `user_email`.
    #[serde(default = "underscore")]
    separator: String,
    /// How many levels are dissolved; all by default.
    #[schemars(range(min = 1))]
    max_depth: Option<usize>,
    /// The fields of the top level to dissolve; all by default.
    fields: Option<Vec<String>>,
}

fn underscore() -> String {
    "_".to_owned()
}

const DOCUMENTATION: &str = "\
Brings the fields of nested records to the top level: `{\"id\": 1, \"user\": {\"name\": {\"first\": \"Ann\"}}}` becomes \
`{\"id\": 1, \"user_name_first\": \"Ann\"}`. The new fields stand where the record stood. A field is null where a record \
around it is; its type stays.

`separator` stands between the names; `.` is allowed, and a field whose own name has dots is then found by that name. \
`max_depth: 1` dissolves the records of the top level and leaves those inside them. `fields` restricts it to these fields \
of the top level; one that a batch does not have is passed over.

Lists and maps stay as they are, also the records inside them. So do JSON fields, whose content differs from record to \
record: use `mapping` or `parse` to take fields out of them. A record without fields disappears.

If two fields of a batch would have the same name, every record of that batch is a **record error** (`duplicate_field`) \
that names both, and the step's `on_error` decides what becomes of it.

Records keep their order. The step keeps no state.
";

const EXAMPLE: &str = "\
type: flatten
config:
  separator: \".\"
  max_depth: 2
  fields: [customer, address]
";

impl ProcessorConnector for Flatten {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "flatten",
            summary: "Brings the fields of nested records to the top level.",
            documentation: DOCUMENTATION,
            schema: schemars::schema_for!(FlattenConfig),
            example: EXAMPLE,
        }
    }

    fn configure(&self, config: &serde_json::Value) -> Result<Arc<dyn Processor>, Vec<FieldError>> {
        let config: FlattenConfig = parse_config(config)?;
        let mut errors = Vec::new();
        if config.max_depth == Some(0) {
            let error =
                FieldError::new("max_depth", "with a depth of 0 nothing is flattened").at("max_depth");
            errors.push(error.with_help("write 1 or more, or leave it out"));
        }
        let fields = config.fields.as_deref().unwrap_or_default();
        if config.fields.is_some() && fields.is_empty() {
            let error = FieldError::new("no_fields", "`fields` names none").at("fields");
            errors.push(error.with_help("name one, or leave it out for all"));
        }
        for (i, name) in fields.iter().enumerate() {
            if fields.iter().take(i).any(|earlier| earlier == name) {
                let message = format!("`{name}` is named twice");
                errors.push(FieldError::new("duplicate_field", message).at("fields").at(i));
            }
        }
        if errors.is_empty() { Ok(Arc::new(FlattenProcessor { config })) } else { Err(errors) }
    }
}

struct FlattenProcessor {
    config: FlattenConfig,
}

/// What the records become, one entry per field.
#[derive(Default)]
struct Flat {
    fields: Vec<FieldRef>,
    columns: Vec<ArrayRef>,
    /// The dotted path each field had.
    paths: Vec<String>,
}

fn internal(error: impl std::fmt::Display) -> ConnectorError {
    ConnectorError::internal(format!("flatten: {error}"))
}

impl FlattenProcessor {
    fn flatten(&self, records: &RecordBatch) -> Result<Flat, ArrowError> {
        let mut flat = Flat::default();
        let wanted = |name| self.config.fields.as_ref().is_none_or(|fields| fields.contains(name));
        for (field, column) in records.schema().fields().iter().zip(records.columns()) {
            let depth = if wanted(field.name()) { self.config.max_depth.unwrap_or(usize::MAX) } else { 0 };
            self.add(&mut flat, field, column, [field.name(), field.name()], depth)?;
        }
        Ok(flat)
    }

    /// Adds a field under a new name; dissolves it if there is depth left. `names` are the new one and the old path.
    fn add(
        &self,
        flat: &mut Flat,
        field: &FieldRef,
        column: &ArrayRef,
        names: [&str; 2],
        depth: usize,
    ) -> Result<(), ArrowError> {
        let [name, path] = names;
        let record = column.as_struct_opt().filter(|_| depth > 0);
        let (Some(record), DataType::Struct(inner)) = (record, field.data_type()) else {
            flat.fields.push(Arc::new(field.as_ref().clone().with_name(name)));
            flat.columns.push(column.clone());
            flat.paths.push(path.to_owned());
            return Ok(());
        };
        for (at, part) in inner.iter().enumerate() {
            let nullable = part.is_nullable() || field.is_nullable();
            let part = Arc::new(part.as_ref().clone().with_nullable(nullable));
            let name = format!("{name}{}{}", self.config.separator, part.name());
            let path = format!("{path}.{}", part.name());
            self.add(flat, &part, &child(record, at)?, [&name, &path], depth - 1)?;
        }
        Ok(())
    }
}

/// The first name that two fields have.
fn collision(flat: &Flat) -> Option<Unfit> {
    let mut seen: HashMap<&str, &str> = HashMap::new();
    let mut named = flat.fields.iter().map(|field| field.name()).zip(&flat.paths);
    let (name, first, second) =
        named.find_map(|(name, path)| Some((name, seen.insert(name, path)?, path.as_str())))?;
    let unfit = Unfit::duplicate([first, second], name);
    Some(unfit.with_help("use another `separator`, or rename one of them before"))
}

impl Processor for FlattenProcessor {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: true, waits: false }
    }

    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        let flat = self.flatten(batch.records()).map_err(internal)?;
        if let Some(unfit) = collision(&flat) {
            return Ok(unfit.refuse(&batch));
        }
        let schema = Schema::new_with_metadata(flat.fields, batch.schema().metadata().clone());
        let options = RecordBatchOptions::new().with_row_count(Some(batch.len()));
        let records = RecordBatch::try_new_with_options(Arc::new(schema), flat.columns, &options);
        let batch = batch.with_records(records.map_err(internal)?).map_err(internal)?;
        Ok(Processed { batch, filtered: Vec::new(), errors: Vec::new() })
    }
}
