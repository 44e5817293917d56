use arrow::array::Array;
use arrow::array::{Float64Array, Int64Array, StringArray, StringBuilder, UInt64Array};
use arrow::buffer::NullBuffer;

use crate::failure::Failure;
use crate::functions::Function;
use crate::kernels::{Computed, Operand, is_live, zip_with};
use crate::scalar::arithmetic_failure;
use crate::strings;
use crate::vector::{Data, Vector};

pub(super) fn binary(
    function: Function,
    a: &Vector,
    b: &Vector,
    rows: usize,
    live: Option<&NullBuffer>,
) -> Option<Computed> {
    match (&a.data, &b.data) {
        (Data::Int(x), Data::Int(y)) => {
            let x = Operand::new(x.values(), a.constant)?;
            let y = Operand::new(y.values(), b.constant)?;
            let (values, failed) =
                match function {
                    Function::Add => checked(function, x, y, rows, live, i64::overflowing_add),
                    Function::Subtract => checked(function, x, y, rows, live, i64::overflowing_sub),
                    Function::Multiply => checked(function, x, y, rows, live, i64::overflowing_mul),
                    Function::Divide => checked(function, x, y, rows, live, |a, b| {
                        if b == 0 { (0, true) } else { a.overflowing_div(b) }
                    }),
                    Function::Modulo => checked(function, x, y, rows, live, |a, b| {
                        if b == 0 { (0, true) } else { a.overflowing_rem(b) }
                    }),
                    _ => return None,
                };
            Some(Computed { data: Data::Int(Int64Array::new(values.into(), None)), failed })
        }
        (Data::Uint(x), Data::Uint(y)) => {
            let x = Operand::new(x.values(), a.constant)?;
            let y = Operand::new(y.values(), b.constant)?;
            let (values, failed) = match function {
                Function::Add => checked(function, x, y, rows, live, u64::overflowing_add),
                Function::Subtract => checked(function, x, y, rows, live, u64::overflowing_sub),
                Function::Multiply => checked(function, x, y, rows, live, u64::overflowing_mul),
                Function::Divide => checked(function, x, y, rows, live, |a, b| {
                    a.checked_div(b).map_or((0, true), |value| (value, false))
                }),
                Function::Modulo => checked(function, x, y, rows, live, |a, b| {
                    a.checked_rem(b).map_or((0, true), |value| (value, false))
                }),
                _ => return None,
            };
            Some(Computed { data: Data::Uint(UInt64Array::new(values.into(), None)), failed })
        }
        (Data::Double(x), Data::Double(y)) => {
            let x = Operand::new(x.values(), a.constant)?;
            let y = Operand::new(y.values(), b.constant)?;
            let values = match function {
                Function::Add => zip_with(x, y, rows, |a, b| a + b),
                Function::Subtract => zip_with(x, y, rows, |a, b| a - b),
                Function::Multiply => zip_with(x, y, rows, |a, b| a * b),
                Function::Divide => zip_with(x, y, rows, |a, b| a / b),
                _ => return None,
            };
            Some(Computed::total(Data::Double(Float64Array::new(values.into(), None))))
        }
        (Data::String(x), Data::String(y)) if function == Function::Add => {
            Some(concat(x, a.constant, y, b.constant, rows, live))
        }
        _ => None,
    }
}

/// Computes all rows with wrapping arithmetic, and looks for the failing ones only if any has wrapped.
fn checked<T: Copy + Default + PartialEq + std::fmt::Display>(
    function: Function,
    a: Operand<T>,
    b: Operand<T>,
    rows: usize,
    live: Option<&NullBuffer>,
    operation: impl Fn(T, T) -> (T, bool) + Copy,
) -> (Vec<T>, Vec<(usize, Failure)>) {
    let wrapped = std::cell::Cell::new(false);
    let values = zip_with(a, b, rows, |a, b| {
        let (value, overflow) = operation(a, b);
        wrapped.set(wrapped.get() | overflow);
        value
    });
    if !wrapped.get() {
        return (values, Vec::new());
    }
    let failed = (0..rows)
        .filter(|&row| is_live(live, row))
        .filter_map(|row| {
            let (a, b) = (a.get(row)?, b.get(row)?);
            operation(a, b).1.then(|| (row, arithmetic_failure(function, a, b, b == T::default())))
        })
        .collect();
    (values, failed)
}

pub(super) fn negate(a: &Vector, live: Option<&NullBuffer>) -> Option<Computed> {
    match &a.data {
        Data::Int(array) if !a.constant => {
            let mut failed = Vec::new();
            let values: Vec<i64> = array.values().iter().map(|v| v.wrapping_neg()).collect();
            for (row, value) in array.values().iter().enumerate() {
                if *value == i64::MIN && is_live(live, row) {
                    failed.push((row, Failure::overflow(format_args!("-({value})"))));
                }
            }
            Some(Computed { data: Data::Int(Int64Array::new(values.into(), None)), failed })
        }
        Data::Double(array) if !a.constant => {
            let values: Vec<f64> = array.values().iter().map(|v| -v).collect();
            Some(Computed::total(Data::Double(Float64Array::new(values.into(), None))))
        }
        _ => None,
    }
}

fn concat(
    a: &StringArray,
    a_constant: bool,
    b: &StringArray,
    b_constant: bool,
    rows: usize,
    live: Option<&NullBuffer>,
) -> Computed {
    let mut builder = StringBuilder::with_capacity(rows, a.values().len() + b.values().len());
    let bytes = |array: &StringArray, constant| {
        if constant { array.value_data().len().saturating_mul(rows) } else { array.value_data().len() }
    };
    let same_rows = |array: &StringArray, constant| array.len() == if constant { 1 } else { rows };
    if same_rows(a, a_constant)
        && same_rows(b, b_constant)
        && strings::has_room(0, bytes(a, a_constant).saturating_add(bytes(b, b_constant)))
    {
        for row in 0..rows {
            // Writing to a builder in memory cannot fail.
            let _ = std::fmt::Write::write_str(&mut builder, a.value(if a_constant { 0 } else { row }));
            builder.append_value(b.value(if b_constant { 0 } else { row }));
        }
        return Computed::total(Data::String(builder.finish()));
    }
    let mut failed = Vec::new();
    let place = |array: &StringArray, constant: bool, row: usize| {
        let row = if constant { 0 } else { row };
        (row < array.len()).then_some(row)
    };
    let mut total = 0usize;
    for row in 0..rows {
        if is_live(live, row)
            && let (Some(left), Some(right)) = (place(a, a_constant, row), place(b, b_constant, row))
        {
            let (left, right) = (a.value(left), b.value(right));
            if strings::has_room(total, left.len() + right.len()) {
                total += left.len() + right.len();
                // Writing to a builder in memory cannot fail.
                let _ = std::fmt::Write::write_str(&mut builder, left);
                builder.append_value(right);
                continue;
            }
            failed.push((row, Failure::new("too_long", "the joined text is too long")));
        }
        builder.append_value("");
    }
    Computed { data: Data::String(builder.finish()), failed }
}
