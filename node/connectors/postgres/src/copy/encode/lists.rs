use std::ops::Range;

use arrow::array::{Array, AsArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field};

/// A column of lists of any layout.
pub(super) struct Lists<'a> {
    /// The elements' field.
    pub(super) item: &'a Field,
    /// The elements of all lists.
    pub(super) values: &'a dyn Array,
    nulls: Option<&'a NullBuffer>,
    range: Box<dyn Fn(usize) -> Range<usize> + 'a>,
}

impl<'a> Lists<'a> {
    pub(super) fn new(array: &'a dyn Array) -> Option<Self> {
        // Offsets and sizes are not negative, and ascend within the values.
        Some(match array.data_type() {
            DataType::List(item) => {
                let lists = array.as_list::<i32>();
                let offsets = lists.value_offsets();
                Self::of(array, item, lists.values().as_ref(), move |row| {
                    offsets[row] as usize..offsets[row + 1] as usize
                })
            }
            DataType::LargeList(item) => {
                let lists = array.as_list::<i64>();
                let offsets = lists.value_offsets();
                Self::of(array, item, lists.values().as_ref(), move |row| {
                    offsets[row] as usize..offsets[row + 1] as usize
                })
            }
            DataType::FixedSizeList(item, size) => {
                let size = usize::try_from(*size).ok()?;
                let values = array.as_fixed_size_list().values().as_ref();
                Self::of(array, item, values, move |row| row * size..(row + 1) * size)
            }
            DataType::ListView(item) => {
                let lists = array.as_list_view::<i32>();
                let (offsets, sizes) = (lists.value_offsets(), lists.value_sizes());
                Self::of(array, item, lists.values().as_ref(), move |row| {
                    let start = offsets[row] as usize;
                    start..start + sizes[row] as usize
                })
            }
            DataType::LargeListView(item) => {
                let lists = array.as_list_view::<i64>();
                let (offsets, sizes) = (lists.value_offsets(), lists.value_sizes());
                Self::of(array, item, lists.values().as_ref(), move |row| {
                    let start = offsets[row] as usize;
                    start..start + sizes[row] as usize
                })
            }
            _ => return None,
        })
    }

    fn of(
        array: &'a dyn Array,
        item: &'a Field,
        values: &'a dyn Array,
        range: impl Fn(usize) -> Range<usize> + 'a,
    ) -> Self {
        Self { item, values, nulls: array.nulls(), range: Box::new(range) }
    }

    /// Where the elements of a list lie; nothing for null.
    pub(super) fn elements(&self, row: usize) -> Option<Range<usize>> {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return None;
        }
        Some((self.range)(row))
    }
}

/// The field of the elements, if a type is lists.
pub(super) fn item_of(data_type: &DataType) -> Option<&Field> {
    match data_type {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::ListView(item)
        | DataType::LargeListView(item) => Some(item),
        _ => None,
    }
}
