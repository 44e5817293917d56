use etl_expr::{ExprError, Expression};
use etl_sdk::FieldError;

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
