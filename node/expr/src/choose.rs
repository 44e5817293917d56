use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Scalar, new_null_array};
use arrow::compute::kernels::zip::zip;

use crate::eval::as_array;
use crate::failures::Failures;
use crate::kind::Kind;
use crate::truth::Truth;
use crate::value::Value;
use crate::vector::{Data, Vector, from_values};

/// Joins the branches of `?:`. A branch is absent where no row takes it.
pub(crate) fn choose(
    condition: Truth,
    then: Option<Vector>,
    other: Option<Vector>,
    kind: &Kind,
    rows: usize,
) -> Vector {
    let mut failures = condition.failures.clone();
    for (branch, taken) in [(&then, &condition.yes), (&other, &condition.no)] {
        if let Some(branch) = branch {
            let mut own: Failures = branch.failures.clone();
            own.retain(taken);
            failures.extend(own);
        }
    }
    let joined = zipped(&condition, then.as_ref(), other.as_ref(), rows)
        .or_else(|| times(&condition, then.as_ref(), other.as_ref(), rows));
    let (data, late) = match joined {
        Some(data) => (data, Vec::new()),
        None => by_row(&condition, then.as_ref(), other.as_ref(), kind, rows),
    };
    failures.extend(Failures::each(late));
    let nobody = &condition.yes | &condition.no;
    let valid = (nobody.count_set_bits() < rows).then(|| arrow::buffer::NullBuffer::new(nobody));
    Vector { data: data.masked(valid.as_ref()), constant: false, failures }
}

fn zipped(condition: &Truth, then: Option<&Vector>, other: Option<&Vector>, rows: usize) -> Option<Data> {
    for (branch, taken) in [(then, &condition.yes), (other, &condition.no)] {
        if let Some(Vector { data, constant: false, .. }) = branch
            && taken.count_set_bits() == rows
            && as_array(data).is_some()
        {
            return Some(data.clone());
        }
    }
    let sample = then.filter(|then| !matches!(then.data, Data::Null(_))).or(other)?;
    let like = as_array(&sample.data)?;
    let then = branch(then, &like)?;
    let other = branch(other, &like)?;
    let mask = BooleanArray::new(condition.yes.clone(), None);
    let joined = match (&then, &other) {
        (Branch::One(a), Branch::One(b)) => zip(&mask, a, b),
        (Branch::One(a), Branch::Many(b)) => zip(&mask, a, b),
        (Branch::Many(a), Branch::One(b)) => zip(&mask, a, b),
        (Branch::Many(a), Branch::Many(b)) => zip(&mask, a, b),
    };
    let joined = joined.ok().filter(|joined| joined.len() == rows)?;
    Some(match &sample.data {
        Data::Bool(_) => Data::Bool(joined.as_boolean_opt()?.clone()),
        Data::Int(_) => Data::Int(joined.as_primitive_opt()?.clone()),
        Data::Uint(_) => Data::Uint(joined.as_primitive_opt()?.clone()),
        Data::Double(_) => Data::Double(joined.as_primitive_opt()?.clone()),
        Data::String(_) => Data::String(joined.as_string_opt()?.clone()),
        Data::Bytes(_) => Data::Bytes(joined.as_binary_opt()?.clone()),
        Data::Nested { field, .. } => Data::Nested { array: joined, field: field.clone() },
        _ => return None,
    })
}

/// The same for timestamps and durations, which are no arrays.
fn times(condition: &Truth, then: Option<&Vector>, other: Option<&Vector>, rows: usize) -> Option<Data> {
    let nanos = |vector: Option<&Vector>| -> Option<Box<dyn Fn(usize) -> Option<i128>>> {
        match vector.map(|vector| (&vector.data, vector.constant)) {
            None | Some((Data::Null(_), _)) => Some(Box::new(|_| None)),
            Some((Data::Timestamp(nanos) | Data::Duration(nanos), constant)) => {
                let nanos = nanos.clone();
                Some(Box::new(move |row| nanos.get(if constant { 0 } else { row })))
            }
            Some(_) => None,
        }
    };
    let branches = [then, other].into_iter().flatten();
    let duration = branches.clone().any(|vector| matches!(vector.data, Data::Duration(_)));
    if duration && branches.clone().any(|vector| matches!(vector.data, Data::Timestamp(_))) {
        return None;
    }
    let (then, other) = (nanos(then)?, nanos(other)?);
    let joined = (0..rows).map(|row| if condition.yes.value(row) { then(row) } else { other(row) }).collect();
    Some(if duration { Data::Duration(joined) } else { Data::Timestamp(joined) })
}

enum Branch {
    One(Scalar<ArrayRef>),
    Many(ArrayRef),
}

fn branch(vector: Option<&Vector>, like: &ArrayRef) -> Option<Branch> {
    let null = || Branch::One(Scalar::new(new_null_array(like.data_type(), 1)));
    let Some(vector) = vector else { return Some(null()) };
    if matches!(vector.data, Data::Null(_)) {
        return Some(null());
    }
    let array = as_array(&vector.data).filter(|array| array.data_type() == like.data_type())?;
    Some(if vector.constant { Branch::One(Scalar::new(array)) } else { Branch::Many(array) })
}

fn by_row(
    condition: &Truth,
    then: Option<&Vector>,
    other: Option<&Vector>,
    kind: &Kind,
    rows: usize,
) -> (Data, Vec<(usize, crate::failure::Failure)>) {
    let mut failed = Vec::new();
    let values = (0..rows)
        .map(|row| {
            let branch = if condition.yes.value(row) {
                then
            } else if condition.no.value(row) {
                other
            } else {
                None
            };
            match branch.map(|branch| branch.value(row)) {
                None => Value::Null,
                Some(Ok(value)) => value,
                Some(Err(failure)) => {
                    failed.push((row, failure));
                    Value::Null
                }
            }
        })
        .collect();
    (from_values(kind, values), failed)
}
