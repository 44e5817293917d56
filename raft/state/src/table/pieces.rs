use super::kind::RowKind;
use crate::encoding_error::EncodingError;

/// A row that changed: its key, and its new value or `None` when it was removed.
pub(crate) type Change = (Vec<u8>, Option<Vec<u8>>);

/// How a value is written today.
pub(crate) const ROW_VERSION: u8 = 1;
/// Bytes of a value in one row: with the head below 32 KiB, which is where sled begins to handle values badly.
pub(crate) const PIECE_BYTES: usize = 30 * 1024;
const HEAD_BYTES: usize = 5;

/// The key of a value's row `piece`: kind, key, big-endian number of the piece.
pub(crate) fn row_key(kind: RowKind, key: &[u8], piece: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + key.len() + 4);
    bytes.push(kind.byte());
    bytes.extend_from_slice(key);
    bytes.extend_from_slice(&piece.to_be_bytes());
    bytes
}

/// Cuts a value into rows. The first begins with the version and the number of rows, so that a missing one is noticed.
pub(crate) fn cut(kind: RowKind, key: &[u8], value: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let count = count(value.len());
    let mut rows = Vec::with_capacity(count as usize);
    for piece in 0..count {
        let begin = value.len().min(piece as usize * PIECE_BYTES);
        let end = value.len().min(begin + PIECE_BYTES);
        let mut bytes = Vec::with_capacity(HEAD_BYTES + end - begin);
        if piece == 0 {
            bytes.push(ROW_VERSION);
            bytes.extend_from_slice(&count.to_be_bytes());
        }
        // In range: both ends are at most the length, and the begin is at most the end.
        bytes.extend_from_slice(&value[begin..end]);
        rows.push((row_key(kind, key, piece), bytes));
    }
    rows
}

fn count(size: usize) -> u32 {
    // A value comes from entries of at most 256 KiB each, so it has far fewer pieces than a u32 counts.
    u32::try_from(size.div_ceil(PIECE_BYTES).max(1)).unwrap_or(u32::MAX)
}

/// A value put together again from rows in the order of their keys.
pub(crate) struct Assembled {
    pub kind: RowKind,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
    pub rows: u32,
}

/// Puts values together again. Every value must be complete before the next begins.
#[derive(Default)]
pub(crate) struct Assembler {
    partial: Option<(Assembled, u32)>,
}

impl Assembler {
    /// Takes a row; gives the value when this was its last one.
    pub fn push(&mut self, key: &[u8], value: &[u8]) -> Result<Option<Assembled>, EncodingError> {
        let (kind, key, piece) = split_key(key)?;
        let what = kind.what();
        let malformed = |problem: String| EncodingError::Malformed { what, problem };
        let (mut assembled, count) = match self.partial.take() {
            Some((mut assembled, count)) => {
                if assembled.kind != kind || assembled.key != key || assembled.rows != piece {
                    let what = assembled.kind.what();
                    let problem = format!("{} of its {count} rows are there", assembled.rows);
                    return Err(EncodingError::Malformed { what, problem });
                }
                assembled.value.extend_from_slice(value);
                (assembled, count)
            }
            None => {
                if piece != 0 {
                    return Err(malformed(format!("row {piece} of it comes first")));
                }
                let Some((head, value)) = value.split_first_chunk::<HEAD_BYTES>() else {
                    return Err(EncodingError::Truncated { what, size: value.len() });
                };
                let [found, count @ ..] = *head;
                if found != ROW_VERSION {
                    return Err(EncodingError::UnknownVersion { what, found, known: ROW_VERSION });
                }
                let count = u32::from_be_bytes(count);
                if count == 0 {
                    return Err(malformed("it says that it has no rows".to_owned()));
                }
                (Assembled { kind, key: key.to_vec(), value: value.to_vec(), rows: 0 }, count)
            }
        };
        assembled.rows += 1;
        if assembled.rows == count {
            return Ok(Some(assembled));
        }
        self.partial = Some((assembled, count));
        Ok(None)
    }

    /// Checks that nothing is missing at the end.
    pub fn finish(self) -> Result<(), EncodingError> {
        match self.partial {
            None => Ok(()),
            Some((assembled, _)) => {
                Err(EncodingError::Truncated { what: assembled.kind.what(), size: assembled.value.len() })
            }
        }
    }
}

fn split_key(bytes: &[u8]) -> Result<(RowKind, &[u8], u32), EncodingError> {
    let what = "a row";
    let Some((&first, rest)) = bytes.split_first() else {
        return Err(EncodingError::Truncated { what, size: 0 });
    };
    let Some(kind) = RowKind::from_byte(first) else {
        return Err(EncodingError::Unknown { what, name: format!("kind {first}") });
    };
    let Some((key, piece)) = rest.split_last_chunk::<4>() else {
        return Err(EncodingError::Truncated { what: kind.what(), size: bytes.len() });
    };
    Ok((kind, key, u32::from_be_bytes(*piece)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn assemble(rows: &[(Vec<u8>, Vec<u8>)]) -> Result<Vec<Vec<u8>>, EncodingError> {
        let mut assembler = Assembler::default();
        let mut values = Vec::new();
        for (key, value) in rows {
            values.extend(assembler.push(key, value)?.map(|assembled| assembled.value));
        }
        assembler.finish()?;
        Ok(values)
    }

    #[test]
    fn values_of_every_size_survive_and_stay_below_the_limit() {
        for size in [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES, 200 * 1024] {
            let value: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
            let rows = cut(RowKind::Document, b"key", &value);
            assert!(rows.iter().all(|(_, bytes)| bytes.len() < 32 * 1024), "{size}");
            assert!(rows.is_sorted(), "{size}");
            assert_eq!(assemble(&rows).unwrap(), [value], "{size}");
        }
    }

    #[test]
    fn a_missing_row_is_noticed() {
        let mut rows = cut(RowKind::Document, b"a", &vec![7; 3 * PIECE_BYTES]);
        rows.extend(cut(RowKind::Document, b"b", b"x"));
        for missing in 0..3 {
            let mut damaged = rows.clone();
            damaged.remove(missing);
            let error = assemble(&damaged).unwrap_err();
            assert!(matches!(error, EncodingError::Malformed { .. }), "{error}");
        }
        assert!(matches!(assemble(&rows[..2]), Err(EncodingError::Truncated { .. })));
    }

    #[test]
    fn rows_of_newer_software_ask_for_an_upgrade() {
        let mut rows = cut(RowKind::Node, b"a", b"x");
        rows[0].1[0] = 9;
        assert!(assemble(&rows).unwrap_err().needs_upgrade());
        rows[0].0[0] = 200;
        assert!(assemble(&rows).unwrap_err().needs_upgrade());
    }
}
