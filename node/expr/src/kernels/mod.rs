//! Column kernels for the operations that matter for speed. Each has the meaning of [`crate::scalar::call`].

mod arithmetic;
mod code;
mod compare;
mod convert;
mod list;
mod math;
mod optional;
mod pattern;
mod rows;
mod set;
mod template;
mod text;
mod time;

use arrow::buffer::NullBuffer;

use crate::failure::Failure;
use crate::functions::Function;
use crate::vector::{Data, Vector};

pub(crate) use code::uuids;
pub(crate) use set::{is_in_ints, is_in_strings};
pub(crate) use text::is_match;

/// What a kernel yields: values for every row (arbitrary where the row is not live) and the live rows that fail.
pub(crate) struct Computed {
    pub data: Data,
    pub failed: Vec<(usize, Failure)>,
}

impl Computed {
    fn total(data: Data) -> Self {
        Self { data, failed: Vec::new() }
    }
}

/// Runs the kernel for the function and the operands' representations; `None` where there is none.
///
/// `live` are the rows that are wanted, whose operands have neither failed nor (unless the function takes null) are
/// null; `None` stands for all.
pub(crate) fn call(
    function: Function,
    args: &[Vector],
    rows: usize,
    live: Option<&NullBuffer>,
) -> Option<Computed> {
    match (function, args) {
        (
            Function::Add | Function::Subtract | Function::Multiply | Function::Divide | Function::Modulo,
            [a, b],
        ) => arithmetic::binary(function, a, b, rows, live)
            .or_else(|| time::arithmetic(function, a, b, rows, live)),
        (Function::Negate, [a]) => arithmetic::negate(a, live),
        (
            Function::Equal
            | Function::NotEqual
            | Function::Less
            | Function::LessEqual
            | Function::Greater
            | Function::GreaterEqual,
            [a, b],
        ) => compare::compare(function, a, b, rows).map(Computed::total),
        (Function::Contains | Function::StartsWith | Function::EndsWith, [a, b]) => {
            text::search(function, a, b)
        }
        (Function::Size, [a]) => text::size(a).or_else(|| list::call(function, args, rows, live)),
        (Function::LowerAscii | Function::UpperAscii | Function::Trim, [a]) => {
            text::transform(function, a, live)
        }
        (Function::FormatItems, [template, items @ ..]) => template::format(template, items, rows, live),
        _ => convert::call(function, args, rows, live)
            .or_else(|| text::call(function, args, rows, live))
            .or_else(|| pattern::call(function, args, rows, live))
            .or_else(|| code::call(function, args, rows, live))
            .or_else(|| time::call(function, args, rows, live))
            .or_else(|| math::call(function, args, rows, live))
            .or_else(|| list::call(function, args, rows, live))
            .or_else(|| optional::call(function, args, rows, live)),
    }
}

/// Whether the row is live.
fn is_live(live: Option<&NullBuffer>, row: usize) -> bool {
    live.is_none_or(|live| live.is_valid(row))
}

/// Values of a column, or one value for all rows.
#[derive(Clone, Copy)]
enum Operand<'a, T> {
    Column(&'a [T]),
    Constant(T),
}

impl<'a, T: Copy> Operand<'a, T> {
    fn new(values: &'a [T], constant: bool) -> Option<Self> {
        if constant { values.first().copied().map(Self::Constant) } else { Some(Self::Column(values)) }
    }

    fn get(&self, row: usize) -> Option<T> {
        match self {
            Self::Column(values) => values.get(row).copied(),
            Self::Constant(value) => Some(*value),
        }
    }
}

/// Applies an operation row by row, with a loop of its own per combination of columns and constants.
fn zip_with<A: Copy, B: Copy, O>(a: Operand<A>, b: Operand<B>, rows: usize, f: impl Fn(A, B) -> O) -> Vec<O> {
    match (a, b) {
        (Operand::Column(a), Operand::Column(b)) => a.iter().zip(b).map(|(&a, &b)| f(a, b)).collect(),
        (Operand::Column(a), Operand::Constant(b)) => a.iter().map(|&a| f(a, b)).collect(),
        (Operand::Constant(a), Operand::Column(b)) => b.iter().map(|&b| f(a, b)).collect(),
        (Operand::Constant(a), Operand::Constant(b)) => (0..rows).map(|_| f(a, b)).collect(),
    }
}
