//! Columns as values of scripts.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use rhai::{Dynamic, Map};

use crate::cells::{Cell, Cells, SECOND, decimal_text};
use crate::script::document;
use crate::script::failure::Failure;
use crate::script::moment::Moment;

pub(crate) type Read = Result<Dynamic, Failure>;

/// The value of every row: null as `()`, decimals, times of day and durations as text.
pub(crate) fn read(array: &ArrayRef, field: &Field) -> Result<Vec<Read>, ArrowError> {
    let rows = 0..array.len();
    Ok(match field.data_type() {
        DataType::List(item) | DataType::FixedSizeList(item, _) | DataType::LargeList(item) => {
            let lists = cast(array, &DataType::LargeList(item.clone()))?;
            let lists = lists.as_list::<i64>();
            let items = read(lists.values(), item)?;
            rows.map(|row| {
                if lists.is_null(row) {
                    return Ok(Dynamic::UNIT);
                }
                let items: Vec<Dynamic> =
                    span(lists.value_offsets(), row, &items).cloned().collect::<Result<_, Failure>>()?;
                Ok(items.into())
            })
            .collect()
        }
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns().iter().zip(fields);
            let columns: Vec<(&str, Vec<Read>)> = columns
                .map(|(column, field)| Ok((field.name().as_str(), read(column, field)?)))
                .collect::<Result<_, ArrowError>>()?;
            rows.map(|row| {
                if array.is_null(row) {
                    return Ok(Dynamic::UNIT);
                }
                let value = |column: &[Read]| column.get(row).cloned().unwrap_or(Ok(Dynamic::UNIT));
                let fields = columns.iter().map(|(name, column)| Ok(((*name).into(), value(column)?)));
                Ok(fields.collect::<Result<Map, Failure>>()?.into())
            })
            .collect()
        }
        DataType::Map(entries, _) => {
            let maps = array.as_map();
            let DataType::Struct(fields) = entries.data_type() else { return texts(array) };
            let [key, value] = &fields[..] else { return texts(array) };
            let (keys, values) = (read(maps.keys(), key)?, read(maps.values(), value)?);
            rows.map(|row| {
                if maps.is_null(row) {
                    return Ok(Dynamic::UNIT);
                }
                let pairs =
                    span(maps.value_offsets(), row, &keys).zip(span(maps.value_offsets(), row, &values));
                let entry =
                    |(key, value): (&Read, &Read)| Ok((key.clone()?.to_string().into(), value.clone()?));
                Ok(pairs.map(entry).collect::<Result<Map, Failure>>()?.into())
            })
            .collect()
        }
        _ => {
            let cells = Cells::new(array, field)?;
            if matches!(
                rows.clone().map(|row| cells.get(row)).find(|cell| *cell != Cell::Null),
                Some(Cell::Other)
            ) {
                return texts(array);
            }
            rows.map(|row| value(cells.get(row))).collect()
        }
    })
}

/// The values of a row's list.
fn span<'a, T: Copy + TryInto<usize>>(
    offsets: &[T],
    row: usize,
    values: &'a [Read],
) -> impl Iterator<Item = &'a Read> {
    let place = |row: usize| offsets.get(row).and_then(|offset| (*offset).try_into().ok()).unwrap_or(0);
    values.get(place(row)..place(row + 1)).unwrap_or_default().iter()
}

fn value(cell: Cell<'_>) -> Read {
    Ok(match cell {
        Cell::Null | Cell::Other => Dynamic::UNIT,
        Cell::Bool(value) => value.into(),
        Cell::Int(value) => value.into(),
        Cell::Uint(value) => i64::try_from(value).map_err(|_| document::too_big(value))?.into(),
        Cell::Float(value) => value.into(),
        Cell::Decimal(value, scale) => decimal_text(value, scale).into(),
        Cell::Text(text) => text.into(),
        Cell::Json(text) => document::parse(text)?,
        Cell::Bytes(bytes) => Dynamic::from_blob(bytes.to_vec()),
        Cell::Date(days) => {
            Dynamic::from(Moment { nanos: i128::from(days) * 86_400 * SECOND, is_date: true })
        }
        Cell::Timestamp(nanos) => Dynamic::from(Moment { nanos, is_date: false }),
    })
}

/// Values of types that scripts do not have, as text.
fn texts(array: &ArrayRef) -> Result<Vec<Read>, ArrowError> {
    let formatter = ArrayFormatter::try_new(array.as_ref(), &FormatOptions::default())?;
    (0..array.len())
        .map(|row| {
            if array.is_null(row) {
                return Ok(Ok(Dynamic::UNIT));
            }
            Ok(Ok(formatter.value(row).try_to_string()?.into()))
        })
        .collect()
}
