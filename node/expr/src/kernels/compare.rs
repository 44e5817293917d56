use std::cmp::Ordering;

use arrow::array::{BooleanArray, Datum, Scalar, StringArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::kernels::cmp;

use crate::functions::Function;
use crate::kernels::Operand;
use crate::number;
use crate::scalar::holds;
use crate::vector::{Data, Nanos, Vector};

/// Compares two columns. For `==` and `!=` null equals null and nothing else.
pub(super) fn compare(function: Function, a: &Vector, b: &Vector, rows: usize) -> Option<Data> {
    let plain = match function {
        Function::NotEqual => Function::Equal,
        function => function,
    };
    let mut values = values(plain, a, b, rows)?;
    if matches!(function, Function::Equal | Function::NotEqual) {
        values = with_nulls(values, validity(a, rows), validity(b, rows));
    }
    if function == Function::NotEqual {
        values = !&values;
    }
    Some(Data::Bool(BooleanArray::new(values, None)))
}

fn validity(vector: &Vector, rows: usize) -> Option<NullBuffer> {
    let nulls = vector.data.nulls()?;
    if vector.constant { Some(NullBuffer::new_null(rows)) } else { Some(nulls) }
}

fn with_nulls(equal: BooleanBuffer, a: Option<NullBuffer>, b: Option<NullBuffer>) -> BooleanBuffer {
    match (a, b) {
        (None, None) => equal,
        (Some(valid), None) | (None, Some(valid)) => &equal & valid.inner(),
        (Some(a), Some(b)) => {
            let both = &(&equal & a.inner()) & b.inner();
            let neither = &!a.inner() & &!b.inner();
            &both | &neither
        }
    }
}

/// Compares by an ordering, where CEL's is not that of the machine type.
fn by_order<A: Copy, B: Copy>(
    function: Function,
    a: Operand<A>,
    b: Operand<B>,
    rows: usize,
    order: impl Fn(A, B) -> Option<Ordering>,
) -> BooleanBuffer {
    BooleanBuffer::collect_bool(rows, |row| match (a.get(row), b.get(row)) {
        (Some(a), Some(b)) => order(a, b).is_some_and(|order| {
            if function == Function::Equal { order == Ordering::Equal } else { holds(function, order) }
        }),
        _ => false,
    })
}

/// Compares values of one machine type, with a loop of its own per operator and combination of operands.
fn native<T: Copy + PartialOrd>(
    function: Function,
    a: Operand<T>,
    b: Operand<T>,
    rows: usize,
) -> Option<BooleanBuffer> {
    match function {
        Function::Equal => Some(bits(a, b, rows, |a, b| a == b)),
        Function::Less => Some(bits(a, b, rows, |a, b| a < b)),
        Function::LessEqual => Some(bits(a, b, rows, |a, b| a <= b)),
        Function::Greater => Some(bits(a, b, rows, |a, b| a > b)),
        Function::GreaterEqual => Some(bits(a, b, rows, |a, b| a >= b)),
        _ => None,
    }
}

fn bits<T: Copy>(a: Operand<T>, b: Operand<T>, rows: usize, f: impl Fn(T, T) -> bool) -> BooleanBuffer {
    match (a, b) {
        (Operand::Column(a), Operand::Column(b)) if a.len() == rows && b.len() == rows => {
            // In bounds: both have `rows` values.
            BooleanBuffer::collect_bool(rows, |row| f(a[row], b[row]))
        }
        (Operand::Column(a), Operand::Constant(b)) if a.len() == rows => {
            BooleanBuffer::collect_bool(rows, |row| f(a[row], b))
        }
        (Operand::Constant(a), Operand::Column(b)) if b.len() == rows => {
            BooleanBuffer::collect_bool(rows, |row| f(a, b[row]))
        }
        (a, b) => BooleanBuffer::collect_bool(rows, |row| match (a.get(row), b.get(row)) {
            (Some(a), Some(b)) => f(a, b),
            _ => false,
        }),
    }
}

fn values(function: Function, a: &Vector, b: &Vector, rows: usize) -> Option<BooleanBuffer> {
    macro_rules! operands {
        ($x:expr, $y:expr) => {
            (Operand::new($x.values(), a.constant)?, Operand::new($y.values(), b.constant)?)
        };
    }
    match (&a.data, &b.data) {
        (Data::Int(x), Data::Int(y)) => {
            let (x, y) = operands!(x, y);
            native(function, x, y, rows)
        }
        (Data::Uint(x), Data::Uint(y)) => {
            let (x, y) = operands!(x, y);
            native(function, x, y, rows)
        }
        (Data::Double(x), Data::Double(y)) => {
            let (x, y) = operands!(x, y);
            native(function, x, y, rows)
        }
        (Data::Int(x), Data::Uint(y)) => {
            let (x, y) = operands!(x, y);
            Some(by_order(function, x, y, rows, |a, b| Some(number::int_uint(a, b))))
        }
        (Data::Uint(x), Data::Int(y)) => {
            let (x, y) = operands!(x, y);
            Some(by_order(function, x, y, rows, |a, b| Some(number::int_uint(b, a).reverse())))
        }
        (Data::Int(x), Data::Double(y)) => {
            let (x, y) = operands!(x, y);
            Some(by_order(function, x, y, rows, number::int_double))
        }
        (Data::Double(x), Data::Int(y)) => {
            let (x, y) = operands!(x, y);
            Some(by_order(function, x, y, rows, |a, b| number::int_double(b, a).map(Ordering::reverse)))
        }
        (Data::Uint(x), Data::Double(y)) => {
            let (x, y) = operands!(x, y);
            Some(by_order(function, x, y, rows, number::uint_double))
        }
        (Data::Double(x), Data::Uint(y)) => {
            let (x, y) = operands!(x, y);
            Some(by_order(function, x, y, rows, |a, b| number::uint_double(b, a).map(Ordering::reverse)))
        }
        (Data::Timestamp(x), Data::Timestamp(y)) | (Data::Duration(x), Data::Duration(y)) => {
            native(function, nanos(x, a.constant)?, nanos(y, b.constant)?, rows)
        }
        (Data::String(x), Data::String(y)) => strings(function, x, a.constant, y, b.constant, rows),
        _ => None,
    }
}

fn nanos(nanos: &Nanos, constant: bool) -> Option<Operand<'_, i128>> {
    Operand::new(&nanos.values, constant)
}

fn strings(
    function: Function,
    a: &StringArray,
    a_constant: bool,
    b: &StringArray,
    b_constant: bool,
    rows: usize,
) -> Option<BooleanBuffer> {
    if a_constant && b_constant {
        return None;
    }
    let (left, right);
    let a: &dyn Datum = if a_constant {
        left = Scalar::new(a);
        &left
    } else {
        a
    };
    let b: &dyn Datum = if b_constant {
        right = Scalar::new(b);
        &right
    } else {
        b
    };
    // Strings are compared by their bytes in UTF-8, which is the order of code points that CEL wants.
    let result = match function {
        Function::Equal => cmp::eq(a, b),
        Function::Less => cmp::lt(a, b),
        Function::LessEqual => cmp::lt_eq(a, b),
        Function::Greater => cmp::gt(a, b),
        Function::GreaterEqual => cmp::gt_eq(a, b),
        _ => return None,
    };
    result.ok().filter(|result| result.len() == rows).map(|result| result.values().clone())
}
