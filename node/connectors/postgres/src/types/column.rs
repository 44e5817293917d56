use std::collections::HashMap;

use arrow::datatypes::Field;
use etl_model::json_field;

use super::pg_type::{Kind, PgType};

/// Metadata of a field that came from PostgreSQL: the name of its type there, so that a table that is created from it
/// gets the same type. Other connectors pass it on unread.
pub const TYPE_METADATA: &str = "postgres.type";

/// A column that is read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: PgType,
    /// Whether nulls may occur.
    pub nullable: bool,
}

impl Column {
    /// The Arrow field that holds its values.
    pub fn field(&self) -> Field {
        let mut field = match self.ty.kind {
            Kind::Json | Kind::Jsonb => json_field(&self.name, self.nullable),
            _ => Field::new(&self.name, self.ty.kind.arrow(), self.nullable),
        };
        let mut metadata = HashMap::from([(TYPE_METADATA.to_owned(), self.ty.name.clone())]);
        metadata.extend(field.metadata().clone());
        field.set_metadata(metadata);
        field
    }
}
