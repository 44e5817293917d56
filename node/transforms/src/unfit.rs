use etl_expr::ExprError;
use etl_model::Batch;
use etl_sdk::Processed;

use crate::record_errors::RecordErrors;

/// Why no record of a schema can be processed.
#[derive(Debug, Clone)]
pub(crate) struct Unfit {
    pub fault: ExprError,
    /// The field concerned.
    pub field: String,
}

impl Unfit {
    pub fn new(code: &'static str, message: String, field: &str) -> Self {
        Self { fault: ExprError { offset: None, code, message, help: None }, field: field.to_owned() }
    }

    /// The schema lacks a field that every record must have.
    pub fn missing(field: &str) -> Self {
        Self::new("missing_field", format!("there is no field `{field}`"), field)
            .with_help("check its name, or add `optional: true` if not every record has it")
    }

    /// Two fields would have one name; `fields` says which.
    pub fn duplicate(fields: [&str; 2], name: &str) -> Self {
        let message = format!("`{}` and `{}` would both be called `{name}`", fields[0], fields[1]);
        Self::new("duplicate_field", message, name)
    }

    pub fn with_help(mut self, help: &str) -> Self {
        self.fault.help = Some(help.to_owned());
        self
    }

    /// Every record of the batch fails.
    pub fn refuse(&self, batch: &Batch) -> Processed {
        let mut errors = RecordErrors::default();
        errors.add_all(batch.len(), &self.fault, Some(&self.field));
        Processed { batch: batch.slice(0, 0), filtered: Vec::new(), errors: errors.finish(batch) }
    }
}
