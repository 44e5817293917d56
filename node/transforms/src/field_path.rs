use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StructArray, UInt64Array};
use arrow::buffer::NullBuffer;
use arrow::compute::take;
use arrow::datatypes::{DataType, FieldRef, Fields, Schema};
use arrow::error::ArrowError;
use etl_sdk::FieldError;

/// A name, or a dotted path to a field inside records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldPath {
    text: String,
    segments: Vec<String>,
}

impl FieldPath {
    /// Reads a path; no segment may be empty.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let segments: Vec<String> = text.split('.').map(str::to_owned).collect();
        if segments.iter().any(String::is_empty) {
            return Err(FieldError::new("invalid_path", format!("`{text}` is not a path")));
        }
        Ok(Self { text: text.to_owned(), segments })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its parts, at least one.
    pub fn segments(&self) -> &[String] {
        &self.segments
    }

    /// Where it leads; a column whose name is the whole path comes first.
    pub fn find(&self, schema: &Schema) -> Option<Place> {
        if let Some(place) = Place::in_fields(schema.fields(), Vec::new(), &self.text) {
            return Some(place);
        }
        let (last, parents) = self.segments.split_last()?;
        let (mut fields, mut indexes) = (schema.fields(), Vec::new());
        for parent in parents {
            let place = Place::in_fields(fields, indexes, parent)?;
            let at = *place.indexes.last()?;
            let DataType::Struct(inner) = fields.get(at)?.data_type() else { return None };
            (fields, indexes) = (inner, place.indexes);
        }
        Place::in_fields(fields, indexes, last)
    }
}

/// Where a field stands in a schema.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// From the top level inwards; at least one.
    indexes: Vec<usize>,
    field: FieldRef,
}

impl Place {
    fn in_fields(fields: &Fields, mut parents: Vec<usize>, name: &str) -> Option<Self> {
        let (at, field) = fields.iter().enumerate().find(|(_, field)| field.name() == name)?;
        parents.push(at);
        Some(Self { indexes: parents, field: field.clone() })
    }

    /// The field there.
    pub fn field(&self) -> &FieldRef {
        &self.field
    }

    /// Whether it stands inside a record.
    pub fn is_nested(&self) -> bool {
        self.indexes.len() > 1
    }

    /// Its values; null where a record around them is.
    pub fn values(&self, records: &RecordBatch) -> Result<ArrayRef, ArrowError> {
        let (&top, inner) = self.indexes.split_first().ok_or_else(lost)?;
        let mut found = records.columns().get(top).ok_or_else(lost)?.clone();
        for &at in inner {
            found = child(found.as_struct_opt().ok_or_else(lost)?, at)?;
        }
        Ok(found)
    }

    /// The records with another field in its place, or without it.
    pub fn replace(
        &self,
        records: &RecordBatch,
        new: Option<(FieldRef, ArrayRef)>,
    ) -> Result<RecordBatch, ArrowError> {
        let schema = records.schema();
        let (fields, columns) = replaced(schema.fields(), records.columns(), &self.indexes, new)?;
        let schema = Schema::new_with_metadata(fields, schema.metadata().clone());
        let options = RecordBatchOptions::new().with_row_count(Some(records.num_rows()));
        RecordBatch::try_new_with_options(Arc::new(schema), columns, &options)
    }
}

fn lost() -> ArrowError {
    ArrowError::SchemaError("a field is not where the schema has it".to_owned())
}

fn replaced(
    fields: &Fields,
    columns: &[ArrayRef],
    indexes: &[usize],
    new: Option<(FieldRef, ArrayRef)>,
) -> Result<(Vec<FieldRef>, Vec<ArrayRef>), ArrowError> {
    let (&at, inner) = indexes.split_first().ok_or_else(lost)?;
    let mut pairs: Vec<(FieldRef, ArrayRef)> = fields.iter().cloned().zip(columns.iter().cloned()).collect();
    let (field, column) = pairs.get(at).cloned().ok_or_else(lost)?;
    match (inner.is_empty(), new) {
        (true, None) => drop(pairs.remove(at)),
        (true, Some(new)) => pairs[at] = new,
        (false, new) => {
            let (DataType::Struct(fields), Some(record)) = (field.data_type(), column.as_struct_opt()) else {
                return Err(lost());
            };
            let (fields, columns) = replaced(fields, record.columns(), inner, new)?;
            let fields = Fields::from(fields);
            let made = StructArray::try_new_with_length(
                fields.clone(),
                columns,
                record.nulls().cloned(),
                record.len(),
            )?;
            let field = field.as_ref().clone().with_data_type(DataType::Struct(fields));
            pairs[at] = (Arc::new(field), Arc::new(made));
        }
    }
    Ok(pairs.into_iter().unzip())
}

/// A field's values inside a record; null where the record is.
pub(crate) fn child(record: &StructArray, at: usize) -> Result<ArrayRef, ArrowError> {
    let column = record.columns().get(at).ok_or_else(lost)?;
    match record.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => Ok(column.clone()),
        Some(nulls) => hidden(column, nulls),
    }
}

/// The values with null wherever `nulls` has it.
fn hidden(values: &ArrayRef, nulls: &NullBuffer) -> Result<ArrayRef, ArrowError> {
    let rows = (0..values.len()).map(|row| row as u64);
    let rows = UInt64Array::new(rows.collect::<Vec<_>>().into(), Some(nulls.clone()));
    take(values, &rows, None)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use arrow::array::{Int64Array, StringArray};
    use arrow::datatypes::{Field, Int64Type};

    use super::*;

    fn records() -> RecordBatch {
        let inner = Fields::from(vec![
            Field::new("n", DataType::Int64, false),
            Field::new("s", DataType::Utf8, true),
        ]);
        let columns: Vec<ArrayRef> =
            vec![Arc::new(Int64Array::from(vec![1, 2])), Arc::new(StringArray::from(vec!["x", "y"]))];
        let user = StructArray::new(inner.clone(), columns, Some(NullBuffer::from(vec![true, false])));
        let dotted = Int64Array::from(vec![7, 8]);
        let schema = Schema::new(vec![
            Field::new("user", DataType::Struct(inner), true),
            Field::new("a.b", DataType::Int64, true),
        ]);
        RecordBatch::try_new(Arc::new(schema), vec![Arc::new(user), Arc::new(dotted)]).unwrap()
    }

    fn find(path: &str) -> Option<Place> {
        FieldPath::parse(path).unwrap().find(&records().schema())
    }

    #[test]
    fn values_hide_behind_records_that_are_null() {
        let values = find("user.n").unwrap().values(&records()).unwrap();
        assert_eq!(values.as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), [Some(1), None]);
        assert_eq!(find("a.b").unwrap().values(&records()).unwrap().as_primitive::<Int64Type>().value(1), 8);
        assert!(find("user.x").is_none() && find("a").is_none() && find("user.n.m").is_none());
        assert!(FieldPath::parse("a..b").is_err());
    }

    #[test]
    fn what_is_replaced_keeps_its_neighbours_and_the_nulls_around() {
        let new: ArrayRef = Arc::new(StringArray::from(vec!["p", "q"]));
        let field = Arc::new(Field::new("n", DataType::Utf8, true));
        let made = find("user.n").unwrap().replace(&records(), Some((field, new))).unwrap();
        let user = made.column(0).as_struct();
        assert_eq!(user.column_names(), ["n", "s"]);
        assert!(user.is_null(1) && user.column(0).as_string::<i32>().value(0) == "p");
        let without = find("user.s").unwrap().replace(&made, None).unwrap();
        let without = find("user.n").unwrap().replace(&without, None).unwrap();
        assert_eq!((without.num_columns(), without.column(0).as_struct().num_columns()), (2, 0));
    }
}
