use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;
use etl_model::Batch;
use etl_sdk::{
    ConnectorError, Descriptor, FieldError, Processed, Processor, ProcessorCapabilities, ProcessorConnector,
    parse_config,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::config::check_key;
use super::token::Tokens;
use crate::column_text::ColumnText;
use crate::field_path::{FieldPath, Place};
use crate::record_errors::RecordErrors;
use crate::unfit::Unfit;

/// The `detokenise` transformation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Detokenise;

/// Turns tokens back into the values they stand for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DetokeniseConfig {
    /// The fields that hold tokens: names, or dotted paths.
    #[schemars(length(min = 1))]
    fields: Vec<String>,
    /// The key they were made with, usually a secret: `${secret:tokens}`.
    key: String,
}

const DOCUMENTATION: &str = "\
Turns the tokens that `mask` with `method: tokenise` has made back into the values they stand for, as text; `cast` gives them \
their type back. `key` is the one they were made with.

Null stays null. A record is a **record error**, and the step's `on_error` decides what becomes of it, when a value is no token \
of this key (`invalid_token`), or its batch lacks a field (`missing_field`). Error and record hold the token, not the value.

Records keep their order. The step keeps no state.
";

const EXAMPLE: &str = "\
type: detokenise
config:
  fields: [user.email]
  key: \"a key of more than 16 characters\"
";

impl ProcessorConnector for Detokenise {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "detokenise",
            summary: "Turns tokens of `mask` back into the values they stand for.",
            documentation: DOCUMENTATION,
            schema: schemars::schema_for!(DetokeniseConfig),
            example: EXAMPLE,
        }
    }

    fn configure(&self, config: &serde_json::Value) -> Result<Arc<dyn Processor>, Vec<FieldError>> {
        let config: DetokeniseConfig = parse_config(config)?;
        let mut errors = Vec::new();
        if config.fields.is_empty() {
            errors
                .push(FieldError::new("no_fields", "`fields` names none").at("fields").with_help("name one"));
        }
        let mut fields = Vec::with_capacity(config.fields.len());
        for (i, field) in config.fields.iter().enumerate() {
            match FieldPath::parse(field) {
                Ok(path) => fields.push(path),
                Err(error) => errors.push(error.at("fields").at(i)),
            }
        }
        check_key(&config.key, &mut errors);
        match Tokens::new(&config.key) {
            Some(tokens) if errors.is_empty() => Ok(Arc::new(DetokeniseProcessor { fields, tokens })),
            _ => Err(errors),
        }
    }
}

struct DetokeniseProcessor {
    fields: Vec<FieldPath>,
    tokens: Tokens,
}

fn internal(error: impl std::fmt::Display) -> ConnectorError {
    ConnectorError::internal(format!("detokenise: {error}"))
}

impl DetokeniseProcessor {
    fn open(
        &self,
        records: &RecordBatch,
        path: &str,
        place: &Place,
        errors: &mut RecordErrors,
    ) -> Result<RecordBatch, ArrowError> {
        let column = place.values(records)?;
        let texts = match ColumnText::of(&column, place.field())? {
            Some(texts) if texts.errors.is_empty() => texts.values,
            // No token has such a type; where there are values, they fail one by one.
            _ => column.logical_nulls().map_or_else(
                || (0..column.len()).map(|_| Some("")).collect(),
                |nulls| nulls.iter().map(|valid| valid.then_some("")).collect(),
            ),
        };
        let mut open = |(row, token): (usize, Option<&str>)| {
            let opened = self.tokens.open(token?);
            if opened.is_none() {
                let message = "the value is no token of this key".to_owned();
                errors.put(row, "invalid_token", message, Some(path));
            }
            opened
        };
        let values: StringArray = texts.iter().enumerate().map(&mut open).collect();
        let values: ArrayRef = Arc::new(values);
        let field = Arc::new(Field::new(place.field().name(), DataType::Utf8, true));
        place.replace(records, Some((field, values)))
    }
}

impl Processor for DetokeniseProcessor {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: true, waits: false }
    }

    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        let mut errors = RecordErrors::default();
        let mut records = batch.records().clone();
        for path in &self.fields {
            let Some(place) = path.find(&records.schema()) else {
                let message = format!("there is no field `{}`", path.text());
                return Ok(Unfit::new("missing_field", message, path.text()).refuse(&batch));
            };
            records = self.open(&records, path.text(), &place, &mut errors).map_err(internal)?;
        }
        let made = batch.clone().with_records(records).map_err(internal)?;
        errors.take_out(&batch, made).map_err(internal)
    }
}
