use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, FixedSizeListArray, LargeListArray, ListArray, MapArray,
    StringArray, StructArray,
};
use arrow::compute::cast;
use arrow::compute::kernels::zip::zip;
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use arrow::error::ArrowError;
use etl_model::is_json;

use super::document::{behind, mask_document};
use super::method::{HIDDEN, Method};
use crate::column_text::ColumnText;

/// A column with its field.
pub(super) type Column = (FieldRef, ArrayRef);

/// The column with what lies at a path inside it masked, an empty path meaning all of it; `None` if nothing does.
///
/// Lists are passed through: what holds for a list holds for each of its items.
pub(super) fn mask_column(
    (field, column): &Column,
    path: &[String],
    method: &Method,
) -> Result<Option<Column>, ArrowError> {
    if path.is_empty() && method.takes_whole() {
        return Ok(Some(whole(field, column, method)));
    }
    if is_json(field) {
        let texts = cast(column, &DataType::Utf8)?;
        let document = |text: &str| mask_document(text, path, method);
        let documents: StringArray = texts.as_string::<i32>().iter().map(|text| text.map(document)).collect();
        let field = field.as_ref().clone().with_data_type(DataType::Utf8);
        return Ok(Some((Arc::new(field), Arc::new(documents))));
    }
    let with = |array: ArrayRef| {
        let field = field.as_ref().clone().with_data_type(array.data_type().clone());
        Some((Arc::new(field), array))
    };
    match field.data_type() {
        DataType::Struct(fields) => {
            let Some(record) = column.as_struct_opt() else { return Ok(None) };
            let columns: Vec<Column> = fields.iter().cloned().zip(record.columns().iter().cloned()).collect();
            let Some(columns) = mask_fields(&columns, path, method)? else { return Ok(None) };
            let (fields, columns): (Vec<FieldRef>, Vec<ArrayRef>) = columns.into_iter().unzip();
            let nulls = record.nulls().cloned();
            let made = StructArray::try_new_with_length(Fields::from(fields), columns, nulls, record.len())?;
            Ok(with(Arc::new(made)))
        }
        DataType::List(item) => {
            let Some(lists) = column.as_list_opt::<i32>() else { return Ok(None) };
            let Some((item, values)) = mask_column(&(item.clone(), lists.values().clone()), path, method)?
            else {
                return Ok(None);
            };
            let made = ListArray::try_new(item, lists.offsets().clone(), values, lists.nulls().cloned())?;
            Ok(with(Arc::new(made)))
        }
        DataType::LargeList(item) => {
            let Some(lists) = column.as_list_opt::<i64>() else { return Ok(None) };
            let Some((item, values)) = mask_column(&(item.clone(), lists.values().clone()), path, method)?
            else {
                return Ok(None);
            };
            let made =
                LargeListArray::try_new(item, lists.offsets().clone(), values, lists.nulls().cloned())?;
            Ok(with(Arc::new(made)))
        }
        DataType::FixedSizeList(item, size) => {
            let Some(lists) = column.as_fixed_size_list_opt() else { return Ok(None) };
            let Some((item, values)) = mask_column(&(item.clone(), lists.values().clone()), path, method)?
            else {
                return Ok(None);
            };
            let made = FixedSizeListArray::try_new(item, *size, values, lists.nulls().cloned())?;
            Ok(with(Arc::new(made)))
        }
        DataType::ListView(item) | DataType::LargeListView(item) => {
            let plain = DataType::LargeList(item.clone());
            let column = cast(column, &plain)?;
            mask_column(&(Arc::new(field.as_ref().clone().with_data_type(plain)), column), path, method)
        }
        DataType::Dictionary(_, values) => {
            let plain = field.as_ref().clone().with_data_type(values.as_ref().clone());
            mask_column(&(Arc::new(plain), cast(column, values)?), path, method)
        }
        DataType::RunEndEncoded(_, values) => {
            let plain = values.as_ref().clone().with_name(field.name()).with_nullable(true);
            mask_column(&(Arc::new(plain), cast(column, values.data_type())?), path, method)
        }
        DataType::Map(_, sorted) => match column.as_map_opt() {
            Some(maps) => Ok(mask_map(maps, *sorted, path, method)?.and_then(with)),
            None => Ok(None),
        },
        DataType::Null => Ok(None),
        _ if path.is_empty() => leaf(field, column, method),
        _ => Ok(None),
    }
}

/// Fields of a record, or of the top level, of which a path leads to some; `None` if it leads to none.
pub(super) fn mask_fields(
    columns: &[Column],
    path: &[String],
    method: &Method,
) -> Result<Option<Vec<Column>>, ArrowError> {
    let mut made = columns.to_vec();
    let mut found = false;
    for column in &mut made {
        let name = column.0.name().clone();
        let rests: Vec<&[String]> = if path.is_empty() { vec![path] } else { behind(&name, path).collect() };
        for rest in rests {
            if let Some(masked) = mask_column(column, rest, method)? {
                (*column, found) = (masked, true);
            }
        }
    }
    Ok(found.then_some(made))
}

/// The values of maps: all of them, or those under the key that the path names. If masking gives the values another type,
/// all of them have to be masked.
fn mask_map(
    maps: &MapArray,
    sorted: bool,
    path: &[String],
    method: &Method,
) -> Result<Option<ArrayRef>, ArrowError> {
    let entries = maps.entries();
    let [key, value] = entries.fields().iter().as_slice() else { return Ok(None) };
    let old = maps.values();
    let keys = cast(maps.keys(), &DataType::Utf8)?;
    let keys = keys.as_string::<i32>();
    let rests = |row: usize| behind(keys.value(row), path).next();
    let named = (0..keys.len()).find_map(rests);
    let rest = match (path.is_empty(), named) {
        (true, _) => path,
        (false, Some(rest)) => rest,
        (false, None) => return Ok(None),
    };
    let Some((value, mut values)) = mask_column(&(value.clone(), old.clone()), rest, method)? else {
        return Ok(None);
    };
    if !path.is_empty() && values.data_type() == old.data_type() {
        let concerned: BooleanArray = (0..keys.len()).map(|row| Some(rests(row).is_some())).collect();
        values = zip(&concerned, &values, old)?;
    }
    let fields = Fields::from(vec![key.clone(), value]);
    let entries =
        StructArray::try_new(fields.clone(), vec![maps.keys().clone(), values], entries.nulls().cloned())?;
    let field = Arc::new(Field::new("entries", DataType::Struct(fields), false));
    let made = MapArray::try_new(field, maps.offsets().clone(), entries, maps.nulls().cloned(), sorted)?;
    Ok(Some(Arc::new(made)))
}

fn text_field(field: &Field) -> FieldRef {
    Arc::new(Field::new(field.name(), DataType::Utf8, true))
}

/// Every value is replaced as it is.
fn whole(field: &Field, column: &ArrayRef, method: &Method) -> Column {
    let nulls = column.logical_nulls();
    let present = |row: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
    let texts: StringArray = (0..column.len()).map(|row| present(row).then(|| method.mask(""))).collect();
    (text_field(field), Arc::new(texts))
}

/// Values that are neither records nor lists.
fn leaf(field: &Field, column: &ArrayRef, method: &Method) -> Result<Option<Column>, ArrowError> {
    let is_text = matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    if method.only_texts() && !is_text {
        return Ok(None);
    }
    let Some(texts) = ColumnText::of(column, field)? else {
        let hidden = Method::Full { replacement: HIDDEN.to_owned() };
        return Ok(Some(whole(field, column, &hidden)));
    };
    let mut unreadable = texts.errors.iter().map(|error| error.row).peekable();
    let rows = texts.values.iter().enumerate();
    let masked = rows.map(|(row, text)| match unreadable.next_if(|at| *at == row) {
        Some(_) => Some(HIDDEN.into()),
        None => text.map(|text| method.mask(text)),
    });
    Ok(Some((text_field(field), Arc::new(masked.collect::<StringArray>()))))
}
