use super::Dialect;
use super::fault::cut;
use super::scanner::{BLOCK, Scanner, State};
use super::table::unquote;
use crate::FormatError;

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Reads what precedes the first record: a byte order mark and, if the dialect has one, the header.
///
/// `data` is the beginning of the file; with `at_end` it is the whole file. Returns the names of the columns and the
/// offset of the first record, or `None` when more bytes are needed. A file without a header is named after the
/// dialect's columns, else `column_1` and so on after the fields of its first record. An empty file without given
/// names has no columns.
///
/// # Errors
/// [`FormatError::Invalid`] for UTF-16, names that are empty, double or not UTF-8, a number of names other than the
/// given columns; [`FormatError::Truncated`] for a header cut inside quotes.
pub fn read_header(
    data: &[u8],
    dialect: &Dialect,
    at_end: bool,
) -> Result<Option<(Vec<String>, usize)>, FormatError> {
    if data.starts_with(b"\xFF\xFE") || data.starts_with(b"\xFE\xFF") {
        return Err(invalid(
            "it is encoded in UTF-16; convert it to UTF-8, for example with `iconv -f UTF-16 -t UTF-8`",
        ));
    }
    if data.len() < BOM.len() && BOM.starts_with(data) && !at_end {
        return Ok(None);
    }
    let start = if data.starts_with(BOM) { BOM.len() } else { 0 };
    if let (false, Some(columns)) = (dialect.header(), dialect.columns()) {
        return Ok(Some((columns.to_vec(), start)));
    }
    let Some((record, end)) = first_record(&data[start..], dialect, at_end)? else {
        return Ok(None);
    };
    let Some(fields) = record else {
        return Ok(Some((dialect.columns().unwrap_or_default().to_vec(), start + end)));
    };
    if !dialect.header() {
        return Ok(Some(((1..=fields.len()).map(|i| format!("column_{i}")).collect(), start)));
    }
    let found =
        fields.iter().enumerate().map(|(i, field)| name(i, field, dialect)).collect::<Result<Vec<_>, _>>()?;
    let Some(columns) = dialect.columns() else {
        check(&found)?;
        return Ok(Some((found, start + end)));
    };
    if columns.len() != found.len() {
        return Err(invalid(&format!(
            "its header has {} columns, but {} are named in `columns`",
            found.len(),
            columns.len()
        )));
    }
    Ok(Some((columns.to_vec(), start + end)))
}

type Record<'a> = (Option<Vec<&'a [u8]>>, usize);

/// Raw fields of the first record that is not blank and the offset behind it; no fields if there is none.
fn first_record<'a>(
    data: &'a [u8],
    dialect: &Dialect,
    at_end: bool,
) -> Result<Option<Record<'a>>, FormatError> {
    let mut scanner = Scanner::new(dialect);
    let (mut fields, mut start, mut line, mut lines) = (Vec::new(), 0, 1, 1);
    for (i, block) in data.chunks(BLOCK).enumerate() {
        let found = scanner.walk(block);
        for (bit, &byte) in block.iter().enumerate() {
            let at = i * BLOCK + bit;
            if found.delimiters >> bit & 1 == 1 {
                fields.push(&data[start..at]);
                start = at + 1;
            } else if found.line_ends >> bit & 1 == 1 {
                let field = &data[start..at];
                let field = field.strip_suffix(b"\r").unwrap_or(field);
                if !fields.is_empty() || !field.is_empty() {
                    fields.push(field);
                    return Ok(Some((Some(fields), at + 1)));
                }
                start = at + 1;
                line = lines + 1;
            }
            lines += u64::from(byte == b'\n');
        }
    }
    if !at_end {
        return Ok(None);
    }
    if scanner.state() == State::Quoted {
        return Err(FormatError::Truncated { line, what: "a quoted field is still open" });
    }
    if start == data.len() && fields.is_empty() {
        return Ok(Some((None, data.len())));
    }
    let field = &data[start..];
    fields.push(field.strip_suffix(b"\r").unwrap_or(field));
    Ok(Some((Some(fields), data.len())))
}

fn name(index: usize, field: &[u8], dialect: &Dialect) -> Result<String, FormatError> {
    let number = index + 1;
    let mut text = Vec::new();
    let bytes = match dialect.quote() {
        Some(quote) if field.first() == Some(&quote) => {
            if unquote(field, quote, &mut text).is_err() {
                return Err(invalid(&format!(
                    "the name of column {number}, `{}`, goes on behind its closing quote",
                    cut(field)
                )));
            }
            text.as_slice()
        }
        _ => field,
    };
    let name = std::str::from_utf8(bytes)
        .map_err(|_| invalid(&format!("the name of column {number}, `{}`, is not UTF-8", cut(bytes))))?;
    if name.contains('\r') && field.first().copied() != dialect.quote() {
        return Err(invalid(
            "its header holds carriage returns; end lines with `\\n` or `\\r\\n`, for example with `tr '\\r' '\\n'`",
        ));
    }
    Ok(name.to_owned())
}

fn check(names: &[String]) -> Result<(), FormatError> {
    let mut seen = std::collections::HashMap::new();
    for (i, name) in names.iter().enumerate() {
        if name.is_empty() {
            return Err(invalid(&format!("column {} has no name; name all columns in `columns`", i + 1)));
        }
        if let Some(first) = seen.insert(name, i + 1) {
            return Err(invalid(&format!(
                "columns {first} and {} are both named `{}`; name all columns in `columns`",
                i + 1,
                cut(name.as_bytes())
            )));
        }
    }
    Ok(())
}

fn invalid(message: &str) -> FormatError {
    FormatError::Invalid { format: "csv", message: message.to_owned() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::csv::CsvOptions;

    fn read(data: &str) -> (Vec<String>, usize) {
        read_header(data.as_bytes(), &Dialect::default(), true).unwrap().unwrap()
    }

    fn refusal(data: &[u8]) -> String {
        read_header(data, &Dialect::default(), true).unwrap_err().to_string()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn names_are_unquoted_and_the_mark_is_skipped() {
        assert_eq!(read("a,b\n1,2\n"), (names(&["a", "b"]), 4));
        assert_eq!(read("\u{feff}a,\"b \"\"x\"\",\nc\"\r\n1"), (names(&["a", "b \"x\",\nc"]), 19));
        assert_eq!(read("\n\r\na\n"), (names(&["a"]), 5));
        assert_eq!(read("a,b"), (names(&["a", "b"]), 3));
        assert_eq!(read(""), (vec![], 0));
        assert_eq!(read("\u{feff}"), (vec![], 3));
    }

    #[test]
    fn it_asks_for_more_until_the_header_is_whole() {
        let data = "\u{feff}a,\"b\n\"\n1,2\n".as_bytes();
        let whole = read_header(data, &Dialect::default(), false).unwrap().unwrap();
        assert_eq!(whole, (names(&["a", "b\n"]), 10));
        for length in 0..10 {
            assert_eq!(read_header(&data[..length], &Dialect::default(), false).unwrap(), None, "{length}");
        }
    }

    #[test]
    fn bad_headers_say_what_to_do() {
        assert!(refusal(b"\xFF\xFEa\0").contains("UTF-16"));
        assert!(refusal(b"a,,b\n").contains("column 2 has no name"));
        assert!(refusal(b"a,b,a\n").contains("columns 1 and 3 are both named `a`"));
        assert!(refusal(b"a,b\xFF\n").contains("column 2, `b\u{fffd}`, is not UTF-8"));
        assert!(refusal(b"a,b\r1,2\r").contains("carriage returns"));
        assert!(refusal(b"\"a\"x,b\n").contains("behind its closing quote"));
        assert!(matches!(
            read_header(b"\n\"a\nb", &Dialect::default(), true),
            Err(FormatError::Truncated { line: 2, .. })
        ));
    }

    #[test]
    fn given_names_replace_or_stand_for_the_header() {
        let options = CsvOptions { columns: Some(names(&["x", "y"])), ..CsvOptions::default() };
        let with_header = Dialect::new(&options).unwrap();
        assert_eq!(read_header(b"a,b\n1,2\n", &with_header, true).unwrap(), Some((names(&["x", "y"]), 4)));
        assert!(
            read_header(b"a\n1\n", &with_header, true).unwrap_err().to_string().contains("1 columns, but 2")
        );
        let without = Dialect::new(&CsvOptions { header: false, ..options }).unwrap();
        assert_eq!(read_header(b"1,2\n", &without, false).unwrap(), Some((names(&["x", "y"]), 0)));
        let numbered = Dialect::new(&CsvOptions { header: false, ..CsvOptions::default() }).unwrap();
        assert_eq!(
            read_header(b"1,2,3\n", &numbered, true).unwrap(),
            Some((names(&["column_1", "column_2", "column_3"]), 0))
        );
    }
}
