use etl_model::RecordError;
use serde_json::Value;

/// A malformed record of a source with protected fields, without anything that its text could show: what it was, where it
/// stands, and which field.
pub fn concealed(error: RecordError) -> RecordError {
    RecordError {
        message: format!(
            "the record is malformed ({}); fields of its source are protected, so that it is not shown",
            error.code
        ),
        help: Some("look it up at its place in the source".to_owned()),
        record: Value::Null,
        ..error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_record_is_left() {
        let error = RecordError {
            record: Value::from("4111111111111111"),
            ..RecordError::new(7, "csv_quote", "`4111111111111111` ends too early")
                .with_field("card")
                .with_help("4111")
        };
        let told = concealed(error);
        assert!(!format!("{told:?}").contains("4111"), "{told:?}");
        assert_eq!((told.ordinal, told.code.as_str(), told.field.as_deref()), (7, "csv_quote", Some("card")));
    }
}
