use arrow::datatypes::{Field, Schema, SchemaRef};

use crate::view::column_type;

/// What a step has changed about the columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// A column that was not there, with its type.
    Added(String, String),
    /// A column that is there no more.
    Removed(String),
    /// A column with its types before and after.
    Retyped(String, String, String),
}

/// The columns of schemas, each with the type it has first.
pub(crate) fn columns(schemas: &[SchemaRef]) -> Vec<(String, String)> {
    let mut columns: Vec<(String, String)> = Vec::new();
    for field in schemas.iter().flat_map(|schema| fields(schema)) {
        if columns.iter().all(|(name, _)| name != field.name()) {
            columns.push((field.name().clone(), column_type(field)));
        }
    }
    columns
}

fn fields(schema: &Schema) -> impl Iterator<Item = &Field> {
    schema.fields().iter().map(AsRef::as_ref)
}

/// What differs between the columns before and after.
pub(crate) fn changes(before: &[(String, String)], after: &[(String, String)]) -> Vec<Change> {
    let of = |columns: &[(String, String)], name: &str| {
        columns.iter().find(|(found, _)| found == name).map(|(_, kind)| kind.clone())
    };
    let mut changes = Vec::new();
    for (name, kind) in after {
        match of(before, name) {
            None => changes.push(Change::Added(name.clone(), kind.clone())),
            Some(old) if old != *kind => changes.push(Change::Retyped(name.clone(), old, kind.clone())),
            Some(_) => {}
        }
    }
    let gone = before.iter().filter(|(name, _)| of(after, name).is_none());
    changes.extend(gone.map(|(name, _)| Change::Removed(name.clone())));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_come_go_and_change() {
        let columns = |all: &[(&str, &str)]| -> Vec<(String, String)> {
            all.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect()
        };
        let before = columns(&[("a", "Int64"), ("b", "Utf8"), ("c", "Utf8")]);
        let after = columns(&[("b", "Utf8"), ("a", "Float64"), ("d", "Boolean")]);
        let expected = [
            Change::Retyped("a".to_owned(), "Int64".to_owned(), "Float64".to_owned()),
            Change::Added("d".to_owned(), "Boolean".to_owned()),
            Change::Removed("c".to_owned()),
        ];
        assert_eq!(changes(&before, &after), expected);
        assert!(changes(&before, &before).is_empty());
    }
}
