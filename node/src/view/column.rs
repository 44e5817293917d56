use arrow::datatypes::Field;
use etl_model::is_json;

/// A column's type, in words.
pub(crate) fn column_type(field: &Field) -> String {
    if is_json(field) { "json".to_owned() } else { field.data_type().to_string() }
}
