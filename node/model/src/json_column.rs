use std::collections::HashMap;

use arrow::datatypes::{DataType, Field};

const EXTENSION: &str = "ARROW:extension:name";
const JSON: &str = "arrow.json";

/// A text field whose values are JSON documents (Arrow's canonical extension type `arrow.json`).
///
/// Readers use it for a field whose JSON type conflicts inside the data; writers that can, write the value as JSON
/// and not as a string.
pub fn json_field(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Utf8, nullable)
        .with_metadata(HashMap::from([(EXTENSION.to_owned(), JSON.to_owned())]))
}

/// Whether the field's text values are JSON documents.
pub fn is_json(field: &Field) -> bool {
    matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
        && field.metadata().get(EXTENSION).is_some_and(|name| name == JSON)
}
