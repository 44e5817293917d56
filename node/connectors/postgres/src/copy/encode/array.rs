use std::ops::Range;

use arrow::array::Array;

use crate::types::Kind;

use super::cell_writer::{CellWriter, NULL, Nulls, Writer, close, open};
use super::fault::{Fault, Outcome};
use super::lists::Lists;
use super::matrix;
use super::target::Target;

/// Elements at most (`MaxArraySize` of PostgreSQL's `array.h`).
const MOST_ELEMENTS: usize = 134_217_727;

/// Dimensions at most (`MAXDIM` of `array.h`).
pub(super) const MOST_DIMENSIONS: u8 = 6;

/// A column of lists, as deep as the array's dimensions.
pub(super) fn writer<'a>(array: &'a dyn Array, target: &'a Target) -> Option<Writer<'a>> {
    let Kind::Array { dimensions, .. } = target.kind else { return None };
    if !(1..=MOST_DIMENSIONS).contains(&dimensions) {
        return None;
    }
    let element = target.element.as_deref()?;
    let outer = Lists::new(array)?;
    let mut inner = Vec::new();
    let (mut item, mut values) = (outer.item, outer.values);
    for _ in 1..dimensions {
        let lists = Lists::new(values)?;
        (item, values) = (lists.item, lists.values);
        inner.push(lists);
    }
    let leaf = matrix::writer(item, values, element)?;
    Some(Box::new(ArrayWriter { outer, inner, leaf, element: element.oid }))
}

struct ArrayWriter<'a> {
    outer: Lists<'a>,
    /// The lists in the lists, from the outside in.
    inner: Vec<Lists<'a>>,
    leaf: Writer<'a>,
    element: u32,
}

impl CellWriter for ArrayWriter<'_> {
    fn write(&self, row: usize, out: &mut Vec<u8>) -> Outcome {
        let Some(elements) = self.outer.elements(row) else { return Nulls(&NULL).write(row, out) };
        let start = open(out);
        if elements.is_empty() {
            put_word(out, 0);
            put_word(out, 0);
            out.extend_from_slice(&self.element.to_be_bytes());
            return close(out, start);
        }
        put_word(out, 1 + self.inner.len());
        let has_nulls = out.len();
        put_word(out, 0);
        out.extend_from_slice(&self.element.to_be_bytes());
        let lengths = self.put_shape(elements.clone(), out)?;
        if self.put_elements(&self.inner, &lengths, elements, out)? {
            // The word that was written above.
            out[has_nulls..has_nulls + 4].copy_from_slice(&1i32.to_be_bytes());
        }
        close(out, start)
    }
}

impl ArrayWriter<'_> {
    /// Appends length and lower bound of every dimension, measured along the first list of each; returns the lengths
    /// of the inner ones.
    fn put_shape(
        &self,
        elements: Range<usize>,
        out: &mut Vec<u8>,
    ) -> Result<[usize; MOST_DIMENSIONS as usize], Box<Fault>> {
        let mut lengths = [0; MOST_DIMENSIONS as usize];
        let mut total = elements.len();
        put_word(out, elements.len());
        put_word(out, 1);
        let mut first = elements.start;
        for (lists, length) in self.inner.iter().zip(&mut lengths) {
            let elements =
                lists.elements(first).filter(|elements| !elements.is_empty()).ok_or_else(ragged)?;
            *length = elements.len();
            total = total.saturating_mul(*length);
            put_word(out, *length);
            put_word(out, 1);
            first = elements.start;
        }
        if total > MOST_ELEMENTS {
            return Err(Fault::new(
                "array_dimensions",
                format!("the array has {total} elements, and PostgreSQL stores at most {MOST_ELEMENTS}"),
                "split the value with a mapping",
            ));
        }
        Ok(lengths)
    }

    /// Appends the elements of one list of the level above `levels`, whose lists have these lengths; says whether there
    /// is a null among them.
    fn put_elements(
        &self,
        levels: &[Lists<'_>],
        lengths: &[usize],
        elements: Range<usize>,
        out: &mut Vec<u8>,
    ) -> Result<bool, Box<Fault>> {
        let first = elements.start;
        let mut nulls = false;
        let (Some((lists, levels)), Some((length, lengths))) = (levels.split_first(), lengths.split_first())
        else {
            for at in elements {
                let start = out.len();
                self.leaf.write(at, out).map_err(|fault| fault.inside(&format!("[{}]", at - first)))?;
                nulls |= out.get(start..).is_some_and(|cell| cell == NULL);
            }
            return Ok(nulls);
        };
        for at in elements {
            let inner = lists.elements(at).filter(|inner| inner.len() == *length).ok_or_else(ragged)?;
            nulls |= self
                .put_elements(levels, lengths, inner, out)
                .map_err(|fault| fault.inside(&format!("[{}]", at - first)))?;
        }
        Ok(nulls)
    }
}

/// A count that `MOST_ELEMENTS` bounds: beyond it the value is refused anyway.
fn put_word(out: &mut Vec<u8>, word: usize) {
    out.extend_from_slice(&i32::try_from(word).unwrap_or(i32::MAX).to_be_bytes());
}

#[cold]
fn ragged() -> Box<Fault> {
    Fault::new(
        "array_dimensions",
        "the lists inside are null, empty or of different lengths, which an array of PostgreSQL cannot hold"
            .to_owned(),
        "make the table's column `jsonb`, or change the value with a mapping",
    )
}
