use arrow::buffer::NullBuffer;

use crate::functions::Function;
use crate::kernels::Computed;
use crate::kernels::rows::{ints, texts, to_bools, to_optional_texts, to_text_lists, to_texts};
use crate::patterns;
use crate::vector::Vector;

/// Regular expressions that are operands like any other; each is compiled once as long as it stays the same.
pub(super) fn call(
    function: Function,
    args: &[Vector],
    rows: usize,
    live: Option<&NullBuffer>,
) -> Option<Computed> {
    let [text, pattern, rest @ ..] = args else { return None };
    let (text, pattern) = (texts(text)?, texts(pattern)?);
    Some(match (function, rest) {
        (Function::Matches, []) => to_bools(rows, live, |row| patterns::is_match(text(row), pattern(row))),
        (Function::Extract, []) => {
            to_optional_texts(rows, live, |row| patterns::extract(text(row), pattern(row)))
        }
        (Function::ExtractAll, []) => {
            to_text_lists(rows, live, |row| patterns::extract_all(text(row), pattern(row)))
        }
        (Function::ReplacePattern, [with]) => {
            let with = texts(with)?;
            to_texts(rows, live, |row| patterns::replace(text(row), pattern(row), with(row), -1))
        }
        (Function::ReplacePattern, [with, limit]) => {
            let (with, limit) = (texts(with)?, ints(limit)?);
            to_texts(rows, live, |row| patterns::replace(text(row), pattern(row), with(row), limit(row)))
        }
        _ => return None,
    })
}
