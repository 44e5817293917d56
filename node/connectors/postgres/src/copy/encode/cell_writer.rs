use arrow::array::{Array, ArrayAccessor, ArrowPrimitiveType, PrimitiveArray, RunArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::RunEndIndexType;

use super::fault::{Fault, Outcome};

/// The most bytes of one value: the server's largest allocation (1 GiB - 1) less the header of a stored value and a
/// closing zero.
pub(super) const MAX_VALUE: usize = 0x3fff_ffff - 5;

/// What stands for a null: the length -1.
pub(super) const NULL: [u8; 4] = [0xff; 4];

/// Writes the cells of one column of one batch.
pub(super) trait CellWriter {
    /// Appends length and bytes of a cell. After a fault, what was appended is to be dropped.
    fn write(&self, row: usize, out: &mut Vec<u8>) -> Outcome;
}

/// A writer for a column that lives for `'a`.
pub(super) type Writer<'a> = Box<dyn CellWriter + 'a>;

/// Appends the values of an array through a function for one value.
struct Mapped<'a, A, F> {
    values: A,
    nulls: Option<&'a NullBuffer>,
    null: &'static [u8],
    write: F,
}

impl<A, F> CellWriter for Mapped<'_, A, F>
where
    A: ArrayAccessor,
    F: Fn(A::Item, &mut Vec<u8>) -> Outcome,
{
    #[inline]
    fn write(&self, row: usize, out: &mut Vec<u8>) -> Outcome {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            out.extend_from_slice(self.null);
            return Ok(());
        }
        (self.write)(self.values.value(row), out)
    }
}

/// A writer that hands every value of `values` that is not null to `write`; `array` is the same array.
pub(super) fn mapped<'a, A, F>(array: &'a dyn Array, values: A, write: F) -> Writer<'a>
where
    A: ArrayAccessor + 'a,
    F: Fn(A::Item, &mut Vec<u8>) -> Outcome + 'a,
{
    mapped_or(array, values, &NULL, write)
}

/// As [`mapped`], with something else in place of nulls.
pub(super) fn mapped_or<'a, A, F>(
    array: &'a dyn Array,
    values: A,
    null: &'static [u8],
    write: F,
) -> Writer<'a>
where
    A: ArrayAccessor + 'a,
    F: Fn(A::Item, &mut Vec<u8>) -> Outcome + 'a,
{
    // A buffer without a null costs a look per cell for nothing.
    let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
    Box::new(Mapped { values, nulls, null, write })
}

/// As [`mapped`] for an array of numbers.
pub(super) fn primitive<'a, T, F>(array: &'a PrimitiveArray<T>, write: F) -> Writer<'a>
where
    T: ArrowPrimitiveType,
    F: Fn(T::Native, &mut Vec<u8>) -> Outcome + 'a,
{
    mapped(array, array, write)
}

/// A column of nothing but nulls.
pub(super) struct Nulls(pub(super) &'static [u8]);

impl CellWriter for Nulls {
    fn write(&self, _: usize, out: &mut Vec<u8>) -> Outcome {
        out.extend_from_slice(self.0);
        Ok(())
    }
}

/// A dictionary: the values are written once per use.
pub(super) struct Indirect<'a> {
    pub(super) keys: Vec<usize>,
    pub(super) nulls: Option<&'a NullBuffer>,
    pub(super) null: &'static [u8],
    pub(super) values: Writer<'a>,
}

impl CellWriter for Indirect<'_> {
    fn write(&self, row: usize, out: &mut Vec<u8>) -> Outcome {
        match self.keys.get(row) {
            Some(&key) if self.nulls.is_none_or(|nulls| nulls.is_valid(row)) => self.values.write(key, out),
            _ => Nulls(self.null).write(row, out),
        }
    }
}

/// Runs of equal values.
pub(super) struct Runs<'a, R: RunEndIndexType> {
    pub(super) runs: &'a RunArray<R>,
    pub(super) values: Writer<'a>,
}

impl<R: RunEndIndexType> CellWriter for Runs<'_, R> {
    fn write(&self, row: usize, out: &mut Vec<u8>) -> Outcome {
        self.values.write(self.runs.get_physical_index(row), out)
    }
}

/// Appends a value of a fixed size of at most 16 bytes with its length.
#[inline]
pub(super) fn put<const N: usize>(out: &mut Vec<u8>, bytes: [u8; N]) {
    const { assert!(N <= 16, "the cell below has room for 16 bytes") };
    // One copy of known size instead of two; the ranges are constant and inside by the assertion.
    let mut cell = [0; 20];
    cell[..4].copy_from_slice(&(N as i32).to_be_bytes());
    cell[4..4 + N].copy_from_slice(&bytes);
    out.extend_from_slice(&cell[..4 + N]);
}

/// Appends a value of any size with its length.
#[inline]
pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) -> Outcome {
    if bytes.len() > MAX_VALUE {
        return Err(Fault::too_large(bytes.len()));
    }
    out.reserve(4 + bytes.len());
    // At most `MAX_VALUE`, which is below 2^30.
    out.extend_from_slice(&(bytes.len() as i32).to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

/// Begins a value whose length is known only when it has been written; returns where.
pub(super) fn open(out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(&[0; 4]);
    out.len()
}

/// Ends the value that [`open`] began at `start`.
pub(super) fn close(out: &mut [u8], start: usize) -> Outcome {
    let length = out.len() - start;
    if length > MAX_VALUE {
        return Err(Fault::too_large(length));
    }
    // `open` has appended four bytes before `start`; the length is below 2^30.
    out[start - 4..start].copy_from_slice(&(length as i32).to_be_bytes());
    Ok(())
}
