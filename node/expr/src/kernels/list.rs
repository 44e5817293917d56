use arrow::array::{Array, ArrayRef, AsArray, UInt64Array};
use arrow::buffer::NullBuffer;
use arrow::compute::take;
use arrow::datatypes::{DataType, FieldRef};

use crate::failure::Failure;
use crate::failures::Failures;
use crate::functions::Function;
use crate::kernels::rows::ints;
use crate::kernels::{Computed, is_live};
use crate::lists;
use crate::vector::{Data, Vector, load};

/// The lists of a column as they lie in memory.
struct Lists<'a> {
    items: &'a ArrayRef,
    field: &'a FieldRef,
    /// Where the items of each row begin, and one more.
    offsets: &'a [i32],
}

fn lists(vector: &Vector) -> Option<Lists<'_>> {
    let Data::Nested { array, .. } = &vector.data else { return None };
    let DataType::List(field) = array.data_type() else { return None };
    let lists = array.as_list_opt::<i32>().filter(|_| !vector.constant)?;
    Some(Lists { items: lists.values(), field, offsets: lists.value_offsets() })
}

impl Lists<'_> {
    /// Where the row's items lie.
    fn span(&self, row: usize) -> std::ops::Range<usize> {
        let place =
            |row: usize| self.offsets.get(row).and_then(|place| usize::try_from(*place).ok()).unwrap_or(0);
        place(row)..place(row + 1)
    }

    /// The items at these places, null where there is none.
    fn pick(&self, places: Vec<Option<u64>>, failed: Vec<(usize, Failure)>) -> Option<Computed> {
        let picked = take(self.items, &UInt64Array::from(places), None).ok()?;
        let (data, unreadable) = load(&picked, self.field).ok()?;
        if unreadable.is_empty() {
            return Some(Computed { data, failed });
        }
        let mut failures = Failures::each(failed);
        failures.extend(unreadable);
        let rows = failures.rows(picked.len())?;
        let failed = rows.set_indices().filter_map(|row| Some((row, failures.get(row)?.clone())));
        Some(Computed { failed: failed.collect(), data })
    }
}

/// Sizes and single elements of lists, without the others.
pub(super) fn call(
    function: Function,
    args: &[Vector],
    rows: usize,
    live: Option<&NullBuffer>,
) -> Option<Computed> {
    let lists = lists(args.first()?)?;
    match (function, args) {
        (Function::Size, [_]) => {
            let size = |row| i64::try_from(lists.span(row).len()).unwrap_or(i64::MAX);
            Some(Computed::total(Data::Int((0..rows).map(size).collect::<Vec<_>>().into())))
        }
        (Function::First | Function::Last, [_]) => {
            let place = |row| {
                let span = lists.span(row);
                let at = if function == Function::First { span.start } else { span.end.saturating_sub(1) };
                (is_live(live, row) && !span.is_empty()).then_some(at as u64)
            };
            lists.pick((0..rows).map(place).collect(), Vec::new())
        }
        (Function::Index, [_, index]) => {
            let index = ints(index)?;
            let mut failed = Vec::new();
            let places = (0..rows).map(|row| {
                if !is_live(live, row) {
                    return None;
                }
                let (span, index) = (lists.span(row), index(row));
                let at = usize::try_from(index).ok().filter(|index| *index < span.len());
                if at.is_none() {
                    failed.push((row, lists::outside(&index.to_string(), span.len())));
                }
                at.map(|at| (span.start + at) as u64)
            });
            let places = places.collect();
            lists.pick(places, failed)
        }
        _ => None,
    }
}
