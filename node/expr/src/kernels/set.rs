use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, Int64Array, StringArray};
use arrow::buffer::BooleanBuffer;

/// Values of which each is compared faster than a hash is computed.
const FEW: usize = 8;

/// Whether each text is one of the set.
pub(crate) fn is_in_strings(texts: &StringArray, set: &HashSet<Arc<str>>) -> BooleanBuffer {
    if set.len() > FEW {
        return found(texts, |row| set.contains(texts.value(row)));
    }
    let set: Vec<&[u8]> = set.iter().map(|text| text.as_bytes()).collect();
    // Most texts differ in their length or begin, which costs no call.
    let same = |a: &[u8], b: &[u8]| a.len() == b.len() && a.first() == b.first() && a == b;
    found(texts, |row| set.iter().any(|text| same(text, texts.value(row).as_bytes())))
}

/// Whether each int is one of the set.
pub(crate) fn is_in_ints(ints: &Int64Array, set: &HashSet<i64>) -> BooleanBuffer {
    if set.len() > FEW {
        return found(ints, |row| set.contains(&ints.value(row)));
    }
    let set: Vec<i64> = set.iter().copied().collect();
    found(ints, |row| set.contains(&ints.value(row)))
}

/// The rows with a value for which it is true.
fn found(array: &dyn Array, is_in: impl Fn(usize) -> bool) -> BooleanBuffer {
    match array.nulls() {
        None => BooleanBuffer::collect_bool(array.len(), is_in),
        Some(nulls) => BooleanBuffer::collect_bool(array.len(), |row| nulls.is_valid(row) && is_in(row)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_are_searched_alike() {
        let texts: StringArray =
            ["", "a", "ab", "b", "é", "abc"].into_iter().map(Some).chain([None]).collect();
        let ints: Int64Array = [0, -1, i64::MIN, 7].into_iter().map(Some).chain([None]).collect();
        for more in [0, FEW] {
            let mut set: HashSet<Arc<str>> = ["", "ab", "é"].map(Arc::from).into();
            set.extend((0..more).map(|n| Arc::from(format!("x{n}"))));
            let expected = BooleanBuffer::from(vec![true, false, true, false, true, false, false]);
            assert_eq!(is_in_strings(&texts, &set), expected, "{more}");
            let mut set: HashSet<i64> = [i64::MIN, 0].into();
            set.extend((100..).take(more));
            assert_eq!(is_in_ints(&ints, &set), BooleanBuffer::from(vec![true, false, true, false, false]));
        }
    }
}
