use arrow::error::ArrowError;
use datafusion::error::DataFusionError;

use crate::cells::shortened;

/// Why a query has no result for a record: code and message.
pub(super) fn failure(error: &DataFusionError) -> (&'static str, String) {
    let (code, message) = match error.find_root() {
        DataFusionError::ArrowError(error, _) => match error.as_ref() {
            ArrowError::DivideByZero => ("division_by_zero", "division by zero".to_owned()),
            ArrowError::ArithmeticOverflow(message) => ("overflow", message.clone()),
            ArrowError::CastError(message) | ArrowError::ParseError(message) => {
                ("invalid_conversion", message.clone())
            }
            other => ("sql_failed", other.to_string()),
        },
        other => ("sql_failed", other.message().into_owned()),
    };
    (code, shortened(&message))
}
