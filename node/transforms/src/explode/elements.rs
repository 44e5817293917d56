use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, NullArray, StringBuilder, StructArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use arrow::error::ArrowError;
use etl_model::{is_json, json_field};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::json_document::{JsonKind, fields, items};
use crate::record_errors::RecordErrors;

/// The elements of a column, all rows' one behind the other.
pub(super) struct Elements {
    /// Of one element; its name is of no meaning.
    pub field: FieldRef,
    pub values: ArrayRef,
    /// Where each row's elements begin and end among the values. Nothing for rows that are null or have failed.
    pub spans: Vec<(usize, usize)>,
}

impl Elements {
    /// For `rows` records that lack the field.
    pub fn none(rows: usize) -> Self {
        let field = Arc::new(Field::new("", DataType::Null, true));
        Self { field, values: Arc::new(NullArray::new(0)), spans: vec![(0, 0); rows] }
    }

    /// The elements of a column; `None` for a type that has none. JSON values without elements are added to `errors`.
    pub fn of(
        column: &ArrayRef,
        field: &Field,
        path: &str,
        errors: &mut RecordErrors,
    ) -> Result<Option<Self>, ArrowError> {
        if is_json(field) {
            return Self::of_json(column, path, errors).map(Some);
        }
        let (field, values, offsets) = match field.data_type() {
            DataType::Null => return Ok(Some(Self::none(column.len()))),
            DataType::List(item) => match column.as_list_opt::<i32>() {
                Some(lists) => (item.clone(), lists.values().clone(), spans(lists.value_offsets())),
                None => return Ok(None),
            },
            DataType::LargeList(item) => match column.as_list_opt::<i64>() {
                Some(lists) => (item.clone(), lists.values().clone(), spans(lists.value_offsets())),
                None => return Ok(None),
            },
            DataType::FixedSizeList(item, _) | DataType::ListView(item) | DataType::LargeListView(item) => {
                let plain = DataType::LargeList(item.clone());
                let plain = cast(column, &plain)?;
                let field = Field::new("", plain.data_type().clone(), true);
                return Self::of(&plain, &field, path, errors);
            }
            DataType::Map(_, _) => match column.as_map_opt() {
                Some(maps) => {
                    let (field, values) = entries(maps.entries())?;
                    (field, values, spans(maps.value_offsets()))
                }
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        let nulls = column.logical_nulls();
        let present = |row: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        let span = |(row, span)| if present(row) { span } else { (0, 0) };
        Ok(Some(Self { field, values, spans: offsets.into_iter().enumerate().map(span).collect() }))
    }

    fn of_json(column: &ArrayRef, path: &str, errors: &mut RecordErrors) -> Result<Self, ArrowError> {
        let texts = cast(column, &DataType::LargeUtf8)?;
        let texts = texts.as_string::<i64>();
        let mut values = StringBuilder::new();
        let mut elements = 0;
        let mut of_row = |row: usize| {
            let begin = elements;
            if !texts.is_null(row) {
                match elements_of_document(texts.value(row)) {
                    Ok(items) => {
                        elements += items.len();
                        items.iter().for_each(|item| values.append_option(item.as_deref()));
                    }
                    Err(message) => errors.put(row, "not_a_list", message, Some(path)),
                }
            }
            (begin, elements)
        };
        let spans = (0..texts.len()).map(&mut of_row).collect();
        Ok(Self { field: Arc::new(json_field("", true)), values: Arc::new(values.finish()), spans })
    }
}

fn spans<T: Copy + Into<i64>>(offsets: &[T]) -> Vec<(usize, usize)> {
    let place = |offset: T| usize::try_from(offset.into()).unwrap_or_default();
    offsets.windows(2).map(|pair| (place(pair[0]), place(pair[1]))).collect()
}

/// The entries of maps as records `{key, value}`, whatever their own names are.
fn entries(entries: &StructArray) -> Result<(FieldRef, ArrayRef), ArrowError> {
    let names = ["key", "value"];
    let fields =
        entries.fields().iter().zip(names).map(|(field, name)| field.as_ref().clone().with_name(name));
    let fields: Fields = fields.collect();
    let records = StructArray::try_new(fields.clone(), entries.columns().to_vec(), entries.nulls().cloned())?;
    Ok((Arc::new(Field::new("", DataType::Struct(fields), true)), Arc::new(records)))
}

/// The elements of a JSON document, each as its own; none for null.
fn elements_of_document(text: &str) -> Result<Vec<Option<String>>, String> {
    let not_json = |error: serde_json::Error| format!("the value is not JSON: {error}");
    match JsonKind::of(text) {
        Some(JsonKind::Array) => {
            let item = |item: &RawValue| (item.get() != "null").then(|| item.get().to_owned());
            Ok(items(text).map_err(not_json)?.into_iter().map(item).collect())
        }
        Some(JsonKind::Object) => {
            let entry = |(key, value): (String, &RawValue)| {
                let key = Value::String(key);
                Some(format!("{{\"key\":{key},\"value\":{}}}", value.get()))
            };
            Ok(fields(text).map_err(not_json)?.into_iter().map(entry).collect())
        }
        Some(JsonKind::Null) => Ok(Vec::new()),
        Some(kind) => Err(format!("the value is {}, not a list", kind.word())),
        None => Err("the value is not JSON".to_owned()),
    }
}
