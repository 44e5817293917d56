use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Fields, Schema, SchemaRef};
use arrow::error::ArrowError;
use etl_expr::Compiled;

use crate::filter::first;
use crate::mapping::config::{Item, MappingRules};
use crate::mapping::keep::Keep;
use crate::mapping::layout::Layout;
use crate::record_errors::RecordErrors;
use crate::unfit::Unfit;

/// A mapping compiled for one schema.
#[derive(Debug)]
pub(crate) struct Projection {
    schema: SchemaRef,
    /// Indexes of the kept columns.
    kept: Vec<usize>,
    items: Vec<(Compiled, String)>,
}

impl Projection {
    /// Plans the mapping for batches of `schema`.
    pub fn new(rules: &MappingRules, layout: &Layout, schema: &Schema) -> Result<Self, Unfit> {
        let kept = kept(rules, layout, schema)?;
        let items: Vec<(Compiled, String)> =
            rules.items.iter().map(|item| compile(item, schema)).collect::<Result<_, _>>()?;
        let mut fields: Vec<Arc<Field>> = kept
            .iter()
            .map(|&index| {
                let field = schema.field(index);
                match rules.rename.get(field.name()) {
                    Some(name) => Arc::new(field.clone().with_name(name)),
                    None => Arc::new(field.clone()),
                }
            })
            .collect();
        for (i, field) in fields.iter().enumerate() {
            if fields.iter().take(i).any(|earlier| earlier.name() == field.name()) {
                let message = format!("two kept fields are called `{}`", field.name());
                return Err(Unfit::new("duplicate_field", message, field.name()));
            }
        }
        fields.extend(layout.fields(&|item, name| match items.get(item) {
            Some((compiled, _)) => compiled.field(name),
            None => Field::new(name, arrow::datatypes::DataType::Null, true),
        }));
        let schema = Arc::new(Schema::new_with_metadata(Fields::from(fields), schema.metadata().clone()));
        Ok(Self { schema, kept, items })
    }

    /// The new records; those in `errors` have nulls in place of what failed.
    pub fn apply(
        &self,
        layout: &Layout,
        records: &RecordBatch,
        errors: &mut RecordErrors,
    ) -> Result<RecordBatch, ArrowError> {
        let mut values: Vec<ArrayRef> = Vec::with_capacity(self.items.len());
        let now = etl_expr::now();
        for (compiled, destination) in &self.items {
            let evaluated = compiled.evaluate_at(records, now);
            errors.add(evaluated.errors, Some(destination));
            values.push(evaluated.values);
        }
        let mut columns: Vec<ArrayRef> =
            self.kept.iter().filter_map(|&index| records.columns().get(index).cloned()).collect();
        let computed = self.schema.fields().get(columns.len()..).unwrap_or_default();
        columns.extend(layout.columns(computed, &values)?);
        let options = RecordBatchOptions::new().with_row_count(Some(records.num_rows()));
        RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
    }
}

fn missing(name: &str, field: &str, help: &str) -> Unfit {
    Unfit::new("missing_field", format!("there is no field `{name}`"), field).with_help(help)
}

/// Indexes of the kept columns in the order of the source.
fn kept(rules: &MappingRules, layout: &Layout, schema: &Schema) -> Result<Vec<usize>, Unfit> {
    let Some(keep) = &rules.keep else { return Ok(Vec::new()) };
    if let Some(absent) = rules.rename.keys().find(|name| schema.field_with_name(name).is_err()) {
        return Err(missing(absent, absent, "`rename` names fields that every record has"));
    }
    let fields = schema.fields().iter().enumerate();
    match keep {
        Keep::All => Ok(fields
            .filter(|(_, field)| {
                let renamed = rules.rename.get(field.name()).unwrap_or(field.name());
                !rules.drop.contains(field.name()) && !layout.names().any(|name| name == renamed)
            })
            .map(|(index, _)| index)
            .collect()),
        Keep::Fields(names) => {
            if let Some(absent) = names.iter().find(|name| schema.field_with_name(name).is_err()) {
                return Err(missing(
                    absent,
                    absent,
                    "if some records lack it, use a mapping with `source` and `optional: true` instead of `keep`",
                ));
            }
            Ok(fields.filter(|(_, field)| names.contains(field.name())).map(|(index, _)| index).collect())
        }
    }
}

fn compile(item: &Item, schema: &Schema) -> Result<(Compiled, String), Unfit> {
    let destination = item.destination.join(".");
    match item.value.compile(schema) {
        Ok(compiled) if item.required_source && compiled.is_absent() => Err(missing(
            item.value.text(),
            &destination,
            "check its name, or add `optional: true` if not every record has it",
        )),
        Ok(compiled) => Ok((compiled, destination)),
        Err(faults) => Err(Unfit { fault: first(faults), field: destination }),
    }
}
