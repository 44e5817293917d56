use super::block::{Cell, take_cell};
use super::malformed::Flaw;

/// PostgreSQL's `MAXDIM`.
const MAX_DIMENSIONS: usize = 6;
const HEADER: usize = 12;

/// Length and lower bound of a dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Dimension {
    /// Number of elements, at least 1.
    pub(super) length: usize,
    /// Subscript of the first.
    pub(super) lower: i32,
}

/// An array as `array_send` writes it: number of dimensions, 1 if there are nulls, object id of the element's type
/// (4 bytes each); per dimension its length and lower bound (4 bytes each); the elements like fields
/// (<https://github.com/postgres/postgres/blob/master/src/backend/utils/adt/arrayfuncs.c>).
///
/// The object id is not compared: the size of each element is checked against the type it is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ArrayValue<'a> {
    dimensions: [Dimension; MAX_DIMENSIONS],
    count: usize,
    elements: &'a [u8],
}

impl<'a> ArrayValue<'a> {
    /// Reads the header. The dimensions never promise more elements than the bytes can hold.
    ///
    /// # Errors
    /// When the bytes are not what `array_send` can write.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Flaw> {
        let (header, mut rest) = bytes.split_first_chunk::<HEADER>().ok_or(Flaw::Truncated)?;
        let &[d0, d1, d2, d3, f0, f1, f2, f3, ..] = header;
        let count = usize::try_from(i32::from_be_bytes([d0, d1, d2, d3])).map_err(|_| Flaw::Array)?;
        if count > MAX_DIMENSIONS || u32::from_be_bytes([f0, f1, f2, f3]) > 1 {
            return Err(Flaw::Array);
        }
        let mut dimensions = [Dimension::default(); MAX_DIMENSIONS];
        for dimension in dimensions.iter_mut().take(count) {
            let (&[l0, l1, l2, l3, b0, b1, b2, b3], behind) =
                rest.split_first_chunk().ok_or(Flaw::Truncated)?;
            let length = usize::try_from(i32::from_be_bytes([l0, l1, l2, l3])).map_err(|_| Flaw::Array)?;
            *dimension = Dimension { length, lower: i32::from_be_bytes([b0, b1, b2, b3]) };
            rest = behind;
        }
        let array = Self { dimensions, count, elements: rest };
        let most = rest.len() / 4;
        // An array without elements has no dimensions; a length of 0 beside a large one would promise many empty lists.
        let product = array.dimensions().iter().try_fold(1_usize, |product, dimension| {
            product.checked_mul(dimension.length).filter(|&product| product > 0 && product <= most)
        });
        match product {
            Some(_) if count > 0 || rest.is_empty() => Ok(array),
            _ => Err(Flaw::Array),
        }
    }

    /// The dimensions from the outside in; none when there are no elements.
    pub(super) fn dimensions(&self) -> &[Dimension] {
        self.dimensions.get(..self.count).unwrap_or_default()
    }

    /// The elements one after the other, as many as the dimensions say.
    ///
    /// # Errors
    /// When the bytes end too early or too late.
    pub(super) fn for_each(&self, mut each: impl FnMut(Cell<'a>) -> Result<(), Flaw>) -> Result<(), Flaw> {
        let mut rest = self.elements;
        if self.count > 0 {
            let elements: usize = self.dimensions().iter().map(|dimension| dimension.length).product();
            for _ in 0..elements {
                each(take_cell(&mut rest)?)?;
            }
        }
        if rest.is_empty() { Ok(()) } else { Err(Flaw::Array) }
    }
}
