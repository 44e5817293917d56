use etl_expr::record_json;
use etl_model::Batch;
use jsonschema::{PatternOptions, Retrieve, Uri, Validator};
use serde_json::Value;

use crate::cells::shortened;
use crate::record_errors::RecordErrors;

/// A JSON Schema that every record must fulfil.
pub(crate) struct Document(Validator);

/// Refuses schemas that lie elsewhere.
struct Nowhere;

impl Retrieve for Nowhere {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err(format!("`{uri}` lies outside the schema; write it into `$defs`").into())
    }
}

impl Document {
    /// Compiles a schema; fails with what is wrong with it.
    pub fn new(schema: &Value) -> Result<Self, String> {
        let options = jsonschema::options()
            .with_retriever(Nowhere)
            // Its time grows with the text alone.
            .with_pattern_options(PatternOptions::regex())
            .should_validate_formats(true);
        options.build(schema).map(Self).map_err(|error| error.to_string())
    }

    /// Adds the rows that do not fulfil the schema.
    pub fn apply(&self, batch: &Batch, errors: &mut RecordErrors) {
        for row in 0..batch.len() {
            let record = record_json(batch.records(), row);
            if let Err(error) = self.0.validate(&record) {
                let path = error.instance_path().to_string().replace('/', ".");
                let field = Some(path.trim_start_matches('.')).filter(|field| !field.is_empty());
                let keyword = error.schema_path().to_string();
                let message = format!("{} (`{keyword}` of the schema)", shortened(&error.to_string()));
                errors.put(row, "schema_violation", message, field);
            }
        }
    }
}
