//! Functions of lists and sets on single values.

use std::cmp::Ordering;
use std::collections::HashSet;

use crate::failure::Failure;
use crate::key::Key;
use crate::value::Value;

/// Longest list that `lists.range` makes.
const LONGEST_RANGE: i64 = 1 << 20;

/// An index is not one of a list with so many elements.
pub(crate) fn outside(index: &str, items: usize) -> Failure {
    Failure::new("index_out_of_range", format!("the index {index} is outside a list of {items}"))
}

pub(crate) fn range(count: i64) -> Result<Value, Failure> {
    if count > LONGEST_RANGE {
        let message = format!("a range has at most {LONGEST_RANGE} numbers, not {count}");
        return Err(Failure::new("too_long", message));
    }
    Ok(Value::List((0..count.max(0)).map(Value::Int).collect()))
}

pub(crate) fn slice(items: &[Value], start: i64, end: i64) -> Result<Value, Failure> {
    let place = |index: i64| usize::try_from(index).ok();
    let part = place(start).zip(place(end)).and_then(|(start, end)| items.get(start..end));
    part.map(|part| Value::List(part.into())).ok_or_else(|| {
        let message = format!("the slice from {start} to {end} is outside a list of {}", items.len());
        Failure::new("index_out_of_range", message)
    })
}

pub(crate) fn flatten(items: &[Value], depth: i64) -> Result<Value, Failure> {
    fn push(items: &[Value], depth: i64, flat: &mut Vec<Value>) {
        for item in items {
            match item {
                Value::List(inner) if depth > 0 => push(inner, depth - 1, flat),
                item => flat.push(item.clone()),
            }
        }
    }
    if depth < 0 {
        return Err(Failure::new("index_out_of_range", "`flatten` goes down 0 levels or more"));
    }
    let mut flat = Vec::with_capacity(items.len());
    push(items, depth, &mut flat);
    Ok(Value::List(flat.into()))
}

/// The items in the order of their keys, which are as many.
pub(crate) fn sort_by(name: &str, keys: &[Value], items: &[Value]) -> Result<Value, Failure> {
    if let Some(first) = keys.first() {
        for key in keys {
            if key.compare(first).is_none() {
                return Err(Failure::overload(name, &[first.type_name(), key.type_name()]));
            }
            if key.compare(key) == Some(None) {
                return Err(Failure::new("no_such_overload", "NaN has no place in an order"));
            }
        }
    }
    let mut pairs: Vec<_> = keys.iter().zip(items).collect();
    pairs.sort_by(|(a, _), (b, _)| a.compare(b).flatten().unwrap_or(Ordering::Equal));
    Ok(Value::List(pairs.into_iter().map(|(_, item)| item.clone()).collect()))
}

/// Each element once; one that equals nothing, such as NaN, stays.
pub(crate) fn distinct(items: &[Value]) -> Value {
    let mut seen = HashSet::with_capacity(items.len());
    let first = items.iter().filter(|item| Key::of(item).is_none_or(|key| seen.insert(key)));
    Value::List(first.cloned().collect())
}

/// Whether every element of `part` is one of `whole`.
pub(crate) fn contains(whole: &[Value], part: &[Value]) -> bool {
    let whole = keys(whole);
    part.iter().all(|item| Key::of(item).is_some_and(|key| whole.contains(&key)))
}

pub(crate) fn intersects(a: &[Value], b: &[Value]) -> bool {
    let a = keys(a);
    b.iter().any(|item| Key::of(item).is_some_and(|key| a.contains(&key)))
}

fn keys(items: &[Value]) -> HashSet<Key> {
    items.iter().filter_map(Key::of).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn ints(values: &[i64]) -> Vec<Value> {
        values.iter().map(|value| Value::Int(*value)).collect()
    }

    #[test]
    fn parts_and_orders() {
        let items = ints(&[3, 1, 2]);
        assert!(slice(&items, 1, 3).unwrap().equals(&Value::List(ints(&[1, 2]).into())));
        for (start, end) in [(-1, 2), (2, 1), (0, 4), (i64::MAX, i64::MAX)] {
            assert_eq!(slice(&items, start, end).unwrap_err().code, "index_out_of_range");
        }
        let mixed = [Value::Double(2.5), Value::Int(2), Value::Uint(3)];
        let sorted = Value::List(vec![Value::Int(2), Value::Double(2.5), Value::Uint(3)].into());
        assert!(sort_by("sort", &mixed, &mixed).unwrap().equals(&sorted));
        for bad in [[Value::Int(1), Value::Null], [Value::Double(f64::NAN), Value::Int(1)]] {
            assert_eq!(sort_by("sort", &bad, &bad).unwrap_err().code, "no_such_overload");
        }
        assert_eq!(range(LONGEST_RANGE + 1).unwrap_err().code, "too_long");
        assert!(range(-1).unwrap().equals(&Value::List([].into())));
        assert_eq!(flatten(&items, -1).unwrap_err().code, "index_out_of_range");
    }

    #[test]
    fn sets_compare_by_value_in_linear_time() {
        let numbers = |step: i64| ints(&(0..100_000).map(|n| n * step).collect::<Vec<_>>());
        assert!(contains(&numbers(1), &[Value::Double(7.0), Value::Uint(8)]));
        assert!(!contains(&numbers(2), &numbers(1)));
        assert!(!intersects(&numbers(1), &[Value::Double(f64::NAN), Value::Double(0.5)]));
        let Value::List(once) = distinct(&[numbers(1), numbers(1)].concat()) else { unreachable!("a list") };
        assert_eq!(once.len(), 100_000);
    }
}
