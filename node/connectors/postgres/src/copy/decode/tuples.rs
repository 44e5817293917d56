use arrow::array::ArrayRef;

use super::block::Block;
use super::decoder::{Decoder, Wrong, decoder};
use super::fault::Faults;
use super::malformed::{Flaw, Malformed};
use super::supply::{Adjacent, Apart, Supply};
use crate::types::{CellFault, Column};

/// What a run of tuples holds.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// One array per column, of the type [`Kind::arrow`](crate::types::Kind::arrow).
    pub columns: Vec<ArrayRef>,
    /// Number of rows.
    pub rows: usize,
    /// The values that Arrow cannot hold, by row and column; their cells are null.
    pub faults: Vec<CellFault>,
}

/// Decodes whole tuples that stand one after the other (per tuple the number of fields in 2 bytes, per field its
/// length in 4 bytes, -1 for null, and its bytes), without the header and the trailer of COPY.
///
/// # Errors
/// When the bytes are not what PostgreSQL sends for these columns, or when a column would outgrow Arrow's 2 GiB.
pub fn decode(tuples: &[u8], columns: &[Column]) -> Result<Decoded, Malformed> {
    let mut block = Block::new(columns.len());
    let mut supply = Adjacent(tuples);
    block.fill(&mut supply, 0, columns)?;
    let expected = match tuples.len() - supply.0.len() {
        0 => 0,
        read => block.rows().saturating_mul(tuples.len()) / read,
    };
    finish(block, supply, columns, expected, tuples.len())
}

/// The same for tuples that come one by one. `rows` is their number and `bytes` their size in all, both of which need
/// not be exact.
///
/// # Errors
/// As [`decode`], and when bytes follow the last field of a tuple.
pub fn decode_each<'a>(
    tuples: impl Iterator<Item = &'a [u8]>,
    columns: &[Column],
    rows: usize,
    bytes: usize,
) -> Result<Decoded, Malformed> {
    let mut block = Block::new(columns.len());
    let mut supply = Apart(tuples);
    block.fill(&mut supply, 0, columns)?;
    finish(block, supply, columns, rows, bytes)
}

/// Decodes the rows of a block that has been filled once, and those that follow.
fn finish<'a>(
    mut block: Block<'a>,
    mut supply: impl Supply<'a>,
    columns: &[Column],
    expected: usize,
    bytes: usize,
) -> Result<Decoded, Malformed> {
    let mut decoders = columns
        .iter()
        .map(|column| {
            decoder(&column.ty.kind, expected).map_err(|flaw| malformed(column, Wrong::new(0, flaw)))
        })
        .collect::<Result<Vec<Box<dyn Decoder>>, _>>()?;

    let mut faults = Faults::new(bytes);
    let mut found = Vec::new();
    let mut rows = 0;
    while block.rows() > 0 {
        for (index, ((decoder, column), cells)) in
            decoders.iter_mut().zip(columns).zip(block.columns()).enumerate()
        {
            decoder.append(cells, &mut found).map_err(|wrong| malformed(column, wrong))?;
            for (row, fault) in found.drain(..) {
                let bytes = cells.get(row - rows).copied().flatten().unwrap_or_default();
                faults.push(row, index, column, bytes, fault);
            }
        }
        rows += block.rows();
        block.fill(&mut supply, rows, columns)?;
    }
    let columns = decoders
        .into_iter()
        .zip(columns)
        .map(|(decoder, column)| decoder.finish().map_err(|wrong| malformed(column, wrong)))
        .collect::<Result<_, _>>()?;
    Ok(Decoded { columns, rows, faults: faults.sorted() })
}

fn malformed(column: &Column, Wrong { cell, flaw }: Wrong) -> Malformed {
    let row = if flaw == Flaw::Type { 0 } else { cell };
    Malformed { row, column: Some(column.name.clone()), flaw }
}
