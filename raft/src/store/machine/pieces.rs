//! Rows in pieces. sled keeps up to some two dozen rows in one page, and writes pages above 128 KiB into files of their own
//! that it never syncs, so that no row of it may be large.

use std::path::Path;

use super::row::damaged;
use crate::Error;
use crate::store::Row;

/// The size of a piece. The last one of a row is shorter, and may be empty.
pub(super) const PIECE_BYTES: usize = 2 << 10;

/// How the keys of pieces begin.
const ROW: u8 = b's';

/// A piece of a row as it is read: the row's key, the number of the piece, and its content.
pub(super) type Piece = (Vec<u8>, u16, sled::IVec);

/// The key of a piece.
pub(super) fn piece_key(key: &[u8], piece: u16) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(key.len() + 3);
    bytes.push(ROW);
    bytes.extend_from_slice(key);
    bytes.extend_from_slice(&piece.to_be_bytes());
    bytes
}

/// Takes a key apart again, or gives `None` when it is not one of a piece.
pub(super) fn split_key(key: &[u8]) -> Option<(&[u8], u16)> {
    let (key, piece) = key.strip_prefix(&[ROW])?.split_last_chunk::<2>()?;
    Some((key, u16::from_be_bytes(*piece)))
}

/// A value in pieces.
pub(super) fn cut(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = value.len() / PIECE_BYTES;
    (0..=whole).map(|number| {
        let rest = value.get(number * PIECE_BYTES..).unwrap_or_default();
        rest.get(..PIECE_BYTES).unwrap_or(rest)
    })
}

/// Puts rows together again, in the order of their keys.
///
/// # Errors
/// [`Error::Damaged`] when a piece is missing
pub(super) fn join(path: &Path, mut pieces: Vec<Piece>) -> Result<Vec<Row>, Error> {
    pieces.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    let mut rows: Vec<Row> = Vec::new();
    let mut open = false;
    let mut expected = 0;
    for (key, number, piece) in pieces {
        match rows.last_mut() {
            Some((last, value)) if open && *last == key && number == expected => {
                value.extend_from_slice(&piece)
            }
            _ if !open && number == 0 => rows.push((key, piece.to_vec())),
            _ => return Err(damaged(path, "a piece of a row is missing")),
        }
        open = piece.len() >= PIECE_BYTES;
        expected = number.wrapping_add(1);
    }
    if open { Err(damaged(path, "the end of a row is missing")) } else { Ok(rows) }
}
