use arrow::datatypes::Schema;
use etl_expr::{Compiled, ExprError, Expression};
use etl_sdk::FieldError;

use crate::filter::first;

/// Parses the text of a config field; `place` puts an error where the field is.
pub(crate) fn parse(
    text: &str,
    place: impl Fn(FieldError) -> FieldError,
) -> Result<Expression, Vec<FieldError>> {
    Expression::parse(text)
        .map_err(|errors| errors.into_iter().map(|error| place(field_error(error))).collect())
}

fn field_error(error: ExprError) -> FieldError {
    let mut field = FieldError::new(error.code, error.message);
    if let Some(offset) = error.offset {
        field = field.at_offset(offset);
    }
    match error.help {
        Some(help) => field.with_help(help),
        None => field,
    }
}

/// Types a condition against a schema; one that is neither true nor false is a fault.
pub(crate) fn condition(condition: &Expression, schema: &Schema) -> Result<Compiled, ExprError> {
    let compiled = condition.compile(schema).map_err(first)?;
    if compiled.is_condition() {
        return Ok(compiled);
    }
    Err(ExprError {
        offset: None,
        code: "condition_not_bool",
        message: format!("the condition yields {}, not true or false", compiled.data_type()),
        help: Some("compare the value with something".to_owned()),
    })
}
