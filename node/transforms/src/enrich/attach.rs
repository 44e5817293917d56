use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StructArray};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema};
use arrow::error::ArrowError;

use crate::field_path::child;
use crate::unfit::Unfit;

/// The records with a further field, or another in place of one: at a dotted path, whose records are made where they are
/// missing. The field's name is the path's last part.
pub(super) fn attach(
    records: &RecordBatch,
    path: &[String],
    field: &Field,
    values: ArrayRef,
) -> Result<RecordBatch, ArrowError> {
    let schema = records.schema();
    let (fields, columns) =
        attached(schema.fields(), records.columns(), path, field, values, records.num_rows())?;
    let schema = Schema::new_with_metadata(fields, schema.metadata().clone());
    let options = RecordBatchOptions::new().with_row_count(Some(records.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(schema), columns, &options)
}

/// Why there can be no field at a path of records of this schema.
pub(super) fn check(schema: &Schema, path: &[String]) -> Result<(), Unfit> {
    let mut fields = schema.fields();
    let parents = path.split_last().map_or(&[][..], |(_, parents)| parents);
    for parent in parents {
        let Some(found) = fields.iter().find(|field| field.name() == parent) else { return Ok(()) };
        let DataType::Struct(inner) = found.data_type() else {
            let message =
                format!("`{parent}` is {}, not a record that could have more fields", found.data_type());
            return Err(Unfit::new("not_a_record", message, &path.join(".")));
        };
        fields = inner;
    }
    Ok(())
}

type Columns = (Vec<FieldRef>, Vec<ArrayRef>);

fn attached(
    fields: &Fields,
    columns: &[ArrayRef],
    path: &[String],
    field: &Field,
    values: ArrayRef,
    rows: usize,
) -> Result<Columns, ArrowError> {
    let Some((name, inner)) = path.split_first() else {
        return Err(ArrowError::SchemaError("a field has no name".to_owned()));
    };
    let mut pairs: Vec<(FieldRef, ArrayRef)> = fields.iter().cloned().zip(columns.iter().cloned()).collect();
    let place = pairs.iter().position(|(field, _)| field.name() == name);
    let made = match (inner.is_empty(), place.and_then(|at| pairs.get(at))) {
        (true, _) => (Arc::new(field.clone().with_name(name)), values),
        (false, found) => {
            let record = match found {
                Some((_, column)) => column
                    .as_struct_opt()
                    .cloned()
                    .ok_or_else(|| ArrowError::SchemaError(format!("`{name}` is not a record")))?,
                None => StructArray::new_empty_fields(rows, None),
            };
            // What stood in a record that was null is no value of it.
            let children: Vec<ArrayRef> =
                (0..record.num_columns()).map(|at| child(&record, at)).collect::<Result<_, _>>()?;
            let (fields, columns) = attached(record.fields(), &children, inner, field, values, rows)?;
            let fields = Fields::from(fields);
            // A record that was null has a field now.
            let record = StructArray::try_new_with_length(fields.clone(), columns, None, rows)?;
            let field = match found {
                Some((field, _)) => field.as_ref().clone().with_data_type(DataType::Struct(fields)),
                None => Field::new(name, DataType::Struct(fields), true),
            };
            (Arc::new(field), Arc::new(record) as ArrayRef)
        }
    };
    match place {
        Some(at) => pairs[at] = made,
        None => pairs.push(made),
    }
    Ok(pairs.into_iter().unzip())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use arrow::array::Int64Array;
    use arrow::buffer::NullBuffer;
    use etl_expr::record_json;
    use serde_json::json;

    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split('.').map(str::to_owned).collect()
    }

    fn records() -> RecordBatch {
        let inner = Fields::from(vec![Field::new("a", DataType::Int64, true)]);
        let columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(vec![1, 2]))];
        let user = StructArray::new(inner.clone(), columns, Some(NullBuffer::from(vec![true, false])));
        let schema = Schema::new(vec![Field::new("user", DataType::Struct(inner), true)]);
        RecordBatch::try_new(Arc::new(schema), vec![Arc::new(user)]).unwrap()
    }

    #[test]
    fn fields_come_where_their_path_says() {
        let values: ArrayRef = Arc::new(Int64Array::from(vec![Some(8), None]));
        let field = Field::new("x", DataType::Int64, true);
        let made = |at: &str| {
            let made = attach(&records(), &path(at), &field, values.clone()).unwrap();
            [record_json(&made, 0), record_json(&made, 1)]
        };
        assert_eq!(
            made("score"),
            [json!({"user": {"a": 1}, "score": 8}), json!({"user": null, "score": null})]
        );
        assert_eq!(made("user.score")[0], json!({"user": {"a": 1, "score": 8}}),);
        assert_eq!(made("user.a")[0], json!({"user": {"a": 8}}));
        assert_eq!(made("p.q.r")[0], json!({"user": {"a": 1}, "p": {"q": {"r": 8}}}));
        assert!(check(&records().schema(), &path("user.a.b")).is_err());
        assert!(check(&records().schema(), &path("user.b.c")).is_ok());
    }

    #[test]
    fn a_record_that_was_null_has_nothing_but_the_new_field() {
        let values: ArrayRef = Arc::new(Int64Array::from(vec![Some(8), Some(9)]));
        let field = Field::new("x", DataType::Int64, true);
        let made = attach(&records(), &path("user.score"), &field, values).unwrap();
        assert_eq!(record_json(&made, 1), json!({"user": {"a": null, "score": 9}}));
    }
}
