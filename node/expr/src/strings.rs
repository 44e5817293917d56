//! CEL's string functions on single values; indexes and lengths count code points.

use crate::failure::Failure;

/// Longest text in bytes that a function may produce for one row.
pub(crate) const LONGEST: usize = 64 * 1024 * 1024;

/// Bytes of text that one column of a batch may hold; Arrow's limit is twice that.
const COLUMN: usize = 1 << 30;

/// Whether a text of `length` bytes may join a column that already holds `total`.
pub(crate) fn has_room(total: usize, length: usize) -> bool {
    length <= LONGEST && total + length <= COLUMN
}

fn out_of_range(index: i64, text: &str) -> Failure {
    let length = text.chars().count();
    Failure::new("index_out_of_range", format!("the index {index} is outside a text of {length} characters"))
}

/// The byte offset of a character index from 0 to the number of characters.
fn byte_at(text: &str, index: i64) -> Result<usize, Failure> {
    let wanted = usize::try_from(index).map_err(|_| out_of_range(index, text))?;
    if text.is_ascii() {
        return if wanted <= text.len() { Ok(wanted) } else { Err(out_of_range(index, text)) };
    }
    text.char_indices()
        .map(|(byte, _)| byte)
        .chain(std::iter::once(text.len()))
        .nth(wanted)
        .ok_or_else(|| out_of_range(index, text))
}

pub(crate) fn size(text: &str) -> i64 {
    let count = if text.is_ascii() { text.len() } else { text.chars().count() };
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(crate) fn substring(text: &str, start: i64, end: Option<i64>) -> Result<&str, Failure> {
    let from = byte_at(text, start)?;
    let to = match end {
        Some(end) => byte_at(text, end)?,
        None => text.len(),
    };
    text.get(from..to).ok_or_else(|| {
        let end = end.unwrap_or_default();
        Failure::new(
            "index_out_of_range",
            format!("the substring from {start} to {end} ends before it begins"),
        )
    })
}

pub(crate) fn char_at(text: &str, index: i64) -> Result<String, Failure> {
    let from = byte_at(text, index)?;
    Ok(text.get(from..).and_then(|rest| rest.chars().next()).map(String::from).unwrap_or_default())
}

pub(crate) fn reverse(text: &str) -> String {
    text.chars().rev().collect()
}

/// The text in double quotes, with what is special escaped.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        let escaped = match character {
            '\u{7}' => "\\a",
            '\u{8}' => "\\b",
            '\u{c}' => "\\f",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\u{b}' => "\\v",
            '\\' => "\\\\",
            '"' => "\\\"",
            other => {
                quoted.push(other);
                continue;
            }
        };
        quoted.push_str(escaped);
    }
    quoted.push('"');
    quoted
}

/// The first occurrence at or after the character `from`; -1 where there is none.
pub(crate) fn index_of(text: &str, part: &str, from: i64) -> Result<i64, Failure> {
    let start = byte_at(text, from)?;
    let tail = text.get(start..).unwrap_or_default();
    Ok(tail.find(part).and_then(|at| text.get(..start + at)).map_or(-1, size))
}

/// The last occurrence that begins at or before the character `from`; -1 where there is none.
pub(crate) fn last_index_of(text: &str, part: &str, from: Option<i64>) -> Result<i64, Failure> {
    let latest = match from {
        Some(from) => byte_at(text, from)?,
        None => text.len(),
    };
    // A match may begin at `latest` and therefore ends at most one part behind it.
    let mut end = latest.saturating_add(part.len()).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let head = text.get(..end).unwrap_or(text);
    Ok(head.rfind(part).and_then(|at| text.get(..at)).map_or(-1, size))
}

/// At most `limit` occurrences replaced; all where it is negative.
pub(crate) fn replace(text: &str, from: &str, to: &str, limit: i64) -> Result<String, Failure> {
    let grown = text.matches(from).count().saturating_mul(to.len());
    if grown.saturating_add(text.len()) > LONGEST {
        return Err(Failure::new("too_long", "the replaced text is too long"));
    }
    Ok(match usize::try_from(limit) {
        Ok(limit) => text.replacen(from, to, limit),
        Err(_) => text.replace(from, to),
    })
}

/// The parts between separators; at most `limit` where it is not negative, the last with all the rest.
/// An empty separator splits into characters.
pub(crate) fn split<'a>(text: &'a str, separator: &str, limit: i64) -> Vec<&'a str> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if limit == 0 {
        return Vec::new();
    }
    if separator.is_empty() {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if parts.len() + 1 == limit {
                break;
            }
            let (head, tail) = rest.split_at(first.len_utf8());
            parts.push(head);
            rest = tail;
        }
        if !rest.is_empty() {
            parts.push(rest);
        }
        return parts;
    }
    text.splitn(limit, separator).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters() {
        assert_eq!(size("añb𝄞"), 4);
        assert_eq!(substring("tacocat", 4, None), Ok("cat"));
        assert_eq!(substring("ta©o©αT", 2, Some(6)), Ok("©o©α"));
        assert_eq!(substring("abc", 3, None), Ok(""));
        for (start, end) in [(4, None), (-1, None), (2, Some(1)), (0, Some(4))] {
            assert_eq!(substring("abc", start, end).unwrap_err().code, "index_out_of_range");
        }
        assert_eq!(char_at("©αT", 1), Ok("α".to_owned()));
        assert_eq!(char_at("abc", 3), Ok(String::new()));
        assert!(char_at("abc", 4).is_err());
    }

    #[test]
    fn searches_follow_the_extension() {
        assert_eq!(index_of("ta©o©αT", "©", 0), Ok(2));
        assert_eq!(index_of("ta©o©αT", "©", 3), Ok(4));
        assert_eq!(index_of("tacocat", "none", 0), Ok(-1));
        assert_eq!(index_of("tacocat", "", 0), Ok(0));
        assert_eq!(last_index_of("tacocat", "at", None), Ok(5));
        assert_eq!(last_index_of("ta©o©αT", "ta©o©α", Some(6)), Ok(0));
        assert_eq!(last_index_of("ta©o©αT", "©", Some(3)), Ok(2));
        assert_eq!(last_index_of("tacocat", "", None), Ok(7));
        assert!(index_of("abc", "a", 4).is_err() && last_index_of("abc", "a", Some(-1)).is_err());
    }

    #[test]
    fn replacing_and_splitting_obey_limits() {
        assert_eq!(replace("12 days 12 hours", "{0}", "5", -1), Ok("12 days 12 hours".to_owned()));
        assert_eq!(replace("{0} {0} {0}", "{0}", "2", 1), Ok("2 {0} {0}".to_owned()));
        assert_eq!(replace("abc", "", "-", -1), Ok("-a-b-c-".to_owned()));
        assert!(replace(&"a".repeat(1000), "a", &"b".repeat(1 << 20), -1).is_err());
        assert_eq!(split("hello world", " ", -1), ["hello", "world"]);
        assert_eq!(split("a b c", " ", 2), ["a", "b c"]);
        assert_eq!(split("a b c", " ", 0), Vec::<&str>::new());
        assert_eq!(split("añb", "", -1), ["a", "ñ", "b"]);
        assert_eq!(split("añb", "", 2), ["a", "ñb"]);
        assert_eq!(split("", "", -1), Vec::<&str>::new());
    }
}
