use arrow::buffer::NullBuffer;

use crate::failure::Failure;
use crate::functions::{BitOperation, Function};
use crate::kernels::Computed;
use crate::kernels::rows::{doubles, ints, numbers, to_bools, to_doubles, to_ints, to_uints, uints};
use crate::numeric::{self, as_bits, from_bits};
use crate::vector::{Data, Vector};

pub(super) fn call(
    function: Function,
    args: &[Vector],
    rows: usize,
    live: Option<&NullBuffer>,
) -> Option<Computed> {
    match (function, args) {
        (Function::Greatest | Function::Least, args) => extreme(function, args, rows, live),
        (Function::Power, [a, b]) => {
            let (a, b) = (numbers(a)?, numbers(b)?);
            Some(to_doubles(rows, live, |row| Ok(a(row).powf(b(row)))))
        }
        (Function::Sqrt | Function::Exp | Function::Ln | Function::Log10 | Function::Log2, [a]) => {
            let a = numbers(a)?;
            Some(to_doubles(rows, live, |row| Ok(numeric::real(function, a(row)).unwrap_or(f64::NAN))))
        }
        (Function::Bits(operation), [a, b]) => bits(operation, a, b, rows, live),
        (function, [a]) => one(function, a, rows, live),
        _ => None,
    }
}

fn one(function: Function, a: &Vector, rows: usize, live: Option<&NullBuffer>) -> Option<Computed> {
    Some(match (function, &a.data) {
        (_, Data::Double(_)) => {
            let a = doubles(a)?;
            if numeric::test(function, 0.0).is_some() {
                to_bools(rows, live, |row| Ok(numeric::test(function, a(row)).unwrap_or_default()))
            } else {
                numeric::real(function, 0.0)?;
                to_doubles(rows, live, |row| Ok(numeric::real(function, a(row)).unwrap_or(f64::NAN)))
            }
        }
        (Function::Abs, Data::Int(_)) => {
            let a = ints(a)?;
            to_ints(rows, live, |row| numeric::abs(a(row)))
        }
        (Function::Sign, Data::Int(_)) => {
            let a = ints(a)?;
            to_ints(rows, live, |row| Ok(a(row).signum()))
        }
        (Function::BitNot, Data::Int(_)) => {
            let a = ints(a)?;
            to_ints(rows, live, |row| Ok(!a(row)))
        }
        (Function::BitNot, Data::Uint(_)) => {
            let a = uints(a)?;
            to_uints(rows, live, |row| Ok(!a(row)))
        }
        _ => return None,
    })
}

fn bits(
    operation: BitOperation,
    a: &Vector,
    b: &Vector,
    rows: usize,
    live: Option<&NullBuffer>,
) -> Option<Computed> {
    let shift = matches!(operation, BitOperation::ShiftLeft | BitOperation::ShiftRight);
    Some(match (&a.data, &b.data) {
        (Data::Int(_), Data::Int(_)) => {
            let (a, b) = (ints(a)?, ints(b)?);
            to_ints(rows, live, |row| {
                numeric::bits(operation, as_bits(a(row)), as_bits(b(row))).map(from_bits)
            })
        }
        (Data::Uint(_), Data::Uint(_)) if !shift => {
            let (a, b) = (uints(a)?, uints(b)?);
            to_uints(rows, live, |row| numeric::bits(operation, a(row), b(row)))
        }
        (Data::Uint(_), Data::Int(_)) if shift => {
            let (a, b) = (uints(a)?, ints(b)?);
            to_uints(rows, live, |row| numeric::bits(operation, a(row), as_bits(b(row))))
        }
        _ => return None,
    })
}

/// The greatest or least of numbers of one type; of equal ones the first.
fn extreme(function: Function, args: &[Vector], rows: usize, live: Option<&NullBuffer>) -> Option<Computed> {
    macro_rules! best {
        ($read:ident, $write:ident) => {{
            let columns = args.iter().map($read).collect::<Option<Vec<_>>>()?;
            let (first, rest) = columns.split_first()?;
            let better = |a, b| if function == Function::Greatest { a > b } else { a < b };
            $write(rows, live, |row| -> Result<_, Failure> {
                let best = |best, next: &_| choose(best, next, row, &better);
                Ok(rest.iter().fold(first(row), best))
            })
        }};
    }
    fn choose<T: Copy>(best: T, next: &impl Fn(usize) -> T, row: usize, better: &impl Fn(T, T) -> bool) -> T {
        let value = next(row);
        if better(value, best) { value } else { best }
    }
    Some(match &args.first()?.data {
        Data::Int(_) => best!(ints, to_ints),
        Data::Uint(_) => best!(uints, to_uints),
        Data::Double(_) => best!(doubles, to_doubles),
        _ => return None,
    })
}
