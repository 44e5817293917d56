use arrow::array::Array;
use arrow::buffer::NullBuffer;

use crate::kernels::Computed;
use crate::kernels::rows::to_texts;
use crate::template::{Argument, fill, parse};
use crate::vector::{Data, Vector};

/// A template of the text filled with columns.
pub(super) fn format(
    template: &Vector,
    items: &[Vector],
    rows: usize,
    live: Option<&NullBuffer>,
) -> Option<Computed> {
    let Data::String(text) = &template.data else { return None };
    if !template.constant || items.iter().any(|item| matches!(item.data, Data::Nested { .. })) {
        return None;
    }
    let parts = parse(text.value(0)).ok()?;
    Some(to_texts(rows, live, |row| {
        let mut text = String::new();
        fill(&parts, items.iter().map(|item| Ok(argument(item, row))), &mut text)?;
        Ok(text)
    }))
}

fn argument(item: &Vector, row: usize) -> Argument<'_> {
    let row = if item.constant { 0 } else { row };
    match &item.data {
        Data::Bool(array) if array.is_valid(row) => Argument::Bool(array.value(row)),
        Data::Int(array) if array.is_valid(row) => Argument::Int(array.value(row)),
        Data::Uint(array) if array.is_valid(row) => Argument::Uint(array.value(row)),
        Data::Double(array) if array.is_valid(row) => Argument::Double(array.value(row)),
        Data::String(array) if array.is_valid(row) => Argument::Text(array.value(row)),
        Data::Bytes(array) if array.is_valid(row) => Argument::Bytes(array.value(row)),
        Data::Timestamp(nanos) => nanos.get(row).map_or(Argument::Null, Argument::Timestamp),
        Data::Duration(nanos) => nanos.get(row).map_or(Argument::Null, Argument::Duration),
        Data::Dyn(values) => values.get(row).map_or(Argument::Null, Argument::from),
        _ => Argument::Null,
    }
}
