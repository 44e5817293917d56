use arrow::error::ArrowError;
use etl_expr::{Compiled, ExprError, Expression};
use etl_model::Batch;

use crate::expression;
use crate::field_path::FieldPath;
use crate::record_errors::RecordErrors;
use crate::schema_cache::SchemaCache;
use crate::validate::check::Check;
use crate::validate::subject::{Subject, Subjects};

/// What must be so of every record.
pub(crate) struct Rule {
    pub about: About,
    /// What the user says of a record that breaks the rule.
    pub message: Option<String>,
}

pub(crate) enum About {
    Field { path: FieldPath, checks: Vec<Check> },
    Condition { condition: Expression, compiled: SchemaCache<Result<Compiled, ExprError>> },
}

impl Rule {
    /// Adds the rows that break the rule.
    pub fn apply(&self, batch: &Batch, errors: &mut RecordErrors) -> Result<(), ArrowError> {
        match &self.about {
            About::Field { path, checks } => self.check(path, checks, batch, errors),
            About::Condition { condition, compiled } => {
                let schema = batch.schema();
                let compiled = compiled.get(&schema, || expression::condition(condition, &schema));
                match compiled.as_ref() {
                    Err(fault) => errors.add_all(batch.len(), fault, None),
                    Ok(compiled) => {
                        let (holds, failed) = compiled.evaluate_condition(batch.records());
                        errors.add(failed, None);
                        let message =
                            self.said(format!("`{}` is not true", crate::cells::shortened(condition.text())));
                        let broken = !holds.values();
                        for row in broken.set_indices() {
                            errors.put(row, "rule_expression", message.clone(), None);
                        }
                    }
                }
                Ok(())
            }
        }
    }

    fn check(
        &self,
        path: &FieldPath,
        checks: &[Check],
        batch: &Batch,
        errors: &mut RecordErrors,
    ) -> Result<(), ArrowError> {
        let field = path.text();
        let Some(place) = path.find(&batch.schema()) else {
            if checks.iter().any(|check| matches!(check, Check::Required)) {
                let message = self.said(format!("there is no field `{field}`"));
                for row in 0..batch.len() {
                    errors.put(row, Check::Required.code(), message.clone(), Some(field));
                }
            }
            return Ok(());
        };
        let subjects = Subjects::new(&place.values(batch.records())?, place.field())?;
        for row in 0..batch.len() {
            let subject = subjects.get(row);
            if let Some(broken) = checks.iter().find(|check| !check.holds(&subject)) {
                self.complain(broken, &subject, row, field, errors);
            }
        }
        Ok(())
    }

    fn complain(
        &self,
        broken: &Check,
        subject: &Subject<'_>,
        row: usize,
        field: &str,
        errors: &mut RecordErrors,
    ) {
        let message = self.said(broken.complaint(field, subject));
        errors.put(row, broken.code(), message, Some(field));
    }

    fn said(&self, complaint: String) -> String {
        match &self.message {
            Some(message) => format!("{message}: {complaint}"),
            None => complaint,
        }
    }
}
