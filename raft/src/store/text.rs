//! Small text files of `name = value` lines. The last line is a checksum over the lines before it, so that a flipped bit
//! is seen while a person can still read the file.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use super::durable;
use crate::Error;

const CHECKSUM: &str = "crc32";

/// Replaces the file durably.
///
/// # Errors
/// [`Error::Io`]
pub(super) fn write(path: &Path, fields: &[(&str, String)]) -> Result<(), Error> {
    let mut text = String::new();
    for (name, value) in fields {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{name} = {value}");
    }
    let _ = writeln!(text, "{CHECKSUM} = {:08x}", crc32fast::hash(text.as_bytes()));
    durable::replace(path, text.as_bytes())
}

/// The file's fields, or `None` when there is no such file.
///
/// # Errors
/// [`Error::Damaged`] when the checksum does not fit, [`Error::Io`]
pub(super) fn read(path: &Path) -> Result<Option<BTreeMap<String, String>>, Error> {
    let Some(bytes) = durable::read(path)? else { return Ok(None) };
    let damaged = |problem: &str| Error::Damaged { path: path.to_owned(), problem: problem.to_owned() };
    let text = std::str::from_utf8(&bytes).map_err(|_| damaged("it is not text"))?;
    let mut fields = BTreeMap::new();
    let mut checked = 0;
    for line in text.split_inclusive('\n') {
        let (name, value) =
            line.trim_end().split_once(" = ").ok_or_else(|| damaged("a line is not `name = value`"))?;
        if name == CHECKSUM {
            // `checked` is the length of the lines before this one, so it lies within the text.
            let whole = format!("{CHECKSUM} = {:08x}\n", crc32fast::hash(&bytes[..checked]));
            return if bytes[checked..] == *whole.as_bytes() {
                Ok(Some(fields))
            } else {
                Err(damaged("its checksum does not fit its content"))
            };
        }
        fields.insert(name.to_owned(), value.to_owned());
        checked += line.len();
    }
    Err(damaged("its checksum is missing"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_flipped_bit_or_a_cut_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        assert!(read(&path).unwrap().is_none());
        write(&path, &[("store", "a".to_owned()), ("node", "17".to_owned())]).unwrap();
        let fields = read(&path).unwrap().unwrap();
        assert_eq!((fields["store"].as_str(), fields["node"].as_str()), ("a", "17"));

        let whole = std::fs::read(&path).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, &flipped).unwrap();
            assert!(matches!(read(&path), Err(Error::Damaged { .. })), "bit {bit}");
        }
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(matches!(read(&path), Err(Error::Damaged { .. })), "length {length}");
        }
    }
}
