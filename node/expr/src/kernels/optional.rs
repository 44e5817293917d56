use arrow::array::{Array, BooleanArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};

use crate::failure::Failure;
use crate::functions::Function;
use crate::kernels::{Computed, is_live};
use crate::vector::{Data, Vector};

/// Functions of optionals, in which null is an optional that holds nothing.
pub(super) fn call(
    function: Function,
    args: &[Vector],
    rows: usize,
    live: Option<&NullBuffer>,
) -> Option<Computed> {
    let [a] = args else { return None };
    if a.constant {
        return None;
    }
    match function {
        Function::OptionalOf => Some(Computed::total(a.data.clone())),
        Function::OptionalOfNonZero => {
            let kept = NullBuffer::new(non_zero(&a.data)?);
            Some(Computed::total(a.data.clone().masked(Some(&kept))))
        }
        Function::HasValue => {
            let held = a.data.nulls().map_or_else(|| BooleanBuffer::new_set(rows), NullBuffer::into_inner);
            Some(Computed::total(Data::Bool(BooleanArray::new(held, None))))
        }
        Function::OptionalValue => {
            let nulls = a.data.nulls();
            let empty = |row: &usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(*row));
            let failed = (0..rows).filter(|row| is_live(live, *row)).filter(empty);
            let failed = failed.map(|row| (row, Failure::no_value())).collect();
            Some(Computed { data: a.data.clone(), failed })
        }
        _ => None,
    }
}

/// The rows whose value is not zero, false or empty; nulls either way.
fn non_zero(data: &Data) -> Option<BooleanBuffer> {
    Some(match data {
        Data::Bool(array) => array.values().clone(),
        Data::Int(array) => BooleanBuffer::collect_bool(array.len(), |row| array.value(row) != 0),
        Data::Uint(array) => BooleanBuffer::collect_bool(array.len(), |row| array.value(row) != 0),
        Data::Double(array) => BooleanBuffer::collect_bool(array.len(), |row| array.value(row) != 0.0),
        Data::String(array) => BooleanBuffer::collect_bool(array.len(), |row| array.value_length(row) != 0),
        Data::Bytes(array) => BooleanBuffer::collect_bool(array.len(), |row| array.value_length(row) != 0),
        _ => return None,
    })
}
