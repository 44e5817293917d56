use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ListArray, NullBufferBuilder};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::Field;

use super::array_value::ArrayValue;
use super::block::Cell;
use super::decoder::{Decoder, Wrong, decoder};
use super::fault::Fault;
use super::malformed::Flaw;
use crate::types::Kind;

/// Arrays as lists of lists.
pub(super) struct Lists {
    declared: u8,
    /// Where the lists of each level begin and end, from the outside in.
    levels: Vec<Vec<i32>>,
    /// Which arrays there are.
    nulls: NullBufferBuilder,
    elements: Box<dyn Decoder>,
}

impl Lists {
    /// `dimensions` is at least 1, `element` is not an array.
    pub(super) fn new(element: &Kind, dimensions: u8, capacity: usize) -> Result<Self, Flaw> {
        let mut levels = vec![vec![0]; usize::from(dimensions)];
        if let Some(outermost) = levels.first_mut() {
            outermost.reserve(capacity);
        }
        let (nulls, elements) = (NullBufferBuilder::new(capacity), decoder(element, 0)?);
        Ok(Self { declared: dimensions, levels, nulls, elements })
    }

    /// The fault of an array that is not shaped as declared.
    fn shape(&self, array: &ArrayValue<'_>) -> Result<(), Fault> {
        let dimensions = array.dimensions();
        if !dimensions.is_empty() && dimensions.len() != usize::from(self.declared) {
            return Err(Fault::Dimensions { found: dimensions.len(), declared: self.declared });
        }
        match dimensions.iter().find(|dimension| dimension.lower != 1) {
            Some(dimension) => Err(Fault::LowerBound(dimension.lower)),
            None => Ok(()),
        }
    }

    /// Appends the lists of an array shaped as declared.
    fn append_lists(&mut self, array: &ArrayValue<'_>) -> Result<(), Flaw> {
        let mut lists = 1;
        for (level, dimension) in self.levels.iter_mut().zip(array.dimensions()) {
            let mut end = level.last().copied().unwrap_or_default();
            let length = i32::try_from(dimension.length).map_err(|_| Flaw::TooLarge)?;
            for _ in 0..lists {
                end = end.checked_add(length).ok_or(Flaw::TooLarge)?;
                level.push(end);
            }
            lists *= dimension.length;
        }
        if array.dimensions().is_empty() {
            self.append_empty();
        }
        Ok(())
    }

    fn append_empty(&mut self) {
        if let Some(outermost) = self.levels.first_mut() {
            outermost.push(outermost.last().copied().unwrap_or_default());
        }
    }

    /// The array that an element is in.
    fn array_of(levels: &[Vec<i32>], element: usize) -> usize {
        levels.iter().rev().fold(element, |index, ends| {
            let begun = ends.partition_point(|&end| usize::try_from(end).is_ok_and(|end| end <= index));
            begun.saturating_sub(1)
        })
    }

    fn wrong_element(levels: &[Vec<i32>], wrong: Wrong) -> Wrong {
        Wrong::new(Self::array_of(levels, wrong.cell), wrong.flaw)
    }
}

impl Decoder for Lists {
    fn append(&mut self, cells: &[Cell<'_>], faults: &mut Vec<(usize, Fault)>) -> Result<(), Wrong> {
        let first = self.nulls.len();
        let first_fault = faults.len();
        let mut elements = Vec::new();
        for (index, cell) in cells.iter().enumerate() {
            let wrong = |flaw| Wrong::new(first + index, flaw);
            let Some(bytes) = cell else {
                self.append_empty();
                continue;
            };
            let array = ArrayValue::parse(bytes).map_err(wrong)?;
            if let Err(fault) = self.shape(&array) {
                array.for_each(|_| Ok(())).map_err(wrong)?;
                faults.push((first + index, fault));
                self.append_empty();
                continue;
            }
            self.append_lists(&array).map_err(wrong)?;
            array
                .for_each(|element| {
                    elements.push(element);
                    Ok(())
                })
                .map_err(wrong)?;
        }
        let mut element_faults = Vec::new();
        self.elements
            .append(&elements, &mut element_faults)
            .map_err(|wrong| Self::wrong_element(&self.levels, wrong))?;
        if !element_faults.is_empty() {
            let levels = &self.levels;
            faults.extend(
                element_faults.into_iter().map(|(element, fault)| (Self::array_of(levels, element), fault)),
            );
            // One array has at most one fault: either its own or those of its elements, of which the first is kept.
            if let Some(added) = faults.get_mut(first_fault..) {
                added.sort_by_key(|&(array, _)| array);
            }
            faults.dedup_by_key(|&mut (array, _)| array);
        }
        let mut faulty =
            faults.get(first_fault..).unwrap_or_default().iter().map(|&(array, _)| array).peekable();
        for (index, cell) in cells.iter().enumerate() {
            let fault = faulty.next_if_eq(&(first + index)).is_some();
            self.nulls.append(cell.is_some() && !fault);
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<ArrayRef, Wrong> {
        let elements = self.elements.finish().map_err(|wrong| Self::wrong_element(&self.levels, wrong))?;
        let nulls = self.nulls.finish();
        let mut levels = self.levels.into_iter();
        let outermost = levels.next().unwrap_or_default();
        let mut array = elements;
        for level in levels.rev() {
            array = list(array, level, None)?;
        }
        list(array, outermost, nulls)
    }
}

fn list(items: ArrayRef, ends: Vec<i32>, nulls: Option<NullBuffer>) -> Result<ArrayRef, Wrong> {
    let field = Arc::new(Field::new_list_field(items.data_type().clone(), true));
    // The offsets begin at 0 and ascend, as this constructor demands.
    let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
    let array = ListArray::try_new(field, offsets, items, nulls);
    Ok(Arc::new(array.map_err(|_| Wrong::new(0, Flaw::Array))?))
}
