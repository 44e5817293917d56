use saphyr_parser::ScanError;

use crate::codes;
use crate::sink::Issue;
use crate::source::{Mark, SourceText};

/// Words the parser uses, what they mean to a user, and what to do.
const KNOWN: &[(&str, &str, &str)] = &[
    ("tabs disallowed", "a tab in the indentation", "indent with spaces"),
    (
        "found unexpected end of stream",
        "the quoted text that begins here does not end",
        "add the closing quote",
    ),
    (
        "invalid indentation in quoted scalar",
        "the quoted text that begins here does not end on its line",
        "add the closing quote, or indent the following lines",
    ),
    (
        "invalid trailing content after double-quoted",
        "text behind the closing quote",
        "write a quote inside of quotes as \\\"",
    ),
    (
        "unknown escape character",
        "an unknown escape in double quotes",
        "write a backslash as \\\\, or use single quotes",
    ),
    (
        "mapping values are not allowed",
        "a `:` where no key can be",
        "check the indentation of this line, and put values that contain `: ` into quotes",
    ),
    (
        "expected ',' or ']'",
        "a list that begins with `[` does not end, or a `,` is missing",
        "add `]` or `,`",
    ),
    (
        "expected ',' or '}'",
        "a mapping that begins with `{` does not end, or a `,` is missing",
        "add `}` or `,`",
    ),
    (
        "expected '-' indicator",
        "this line does not continue the list above",
        "begin it with `- `, or indent it like the key it belongs to",
    ),
    (
        "did not find expected key",
        "this line is not indented like the ones it belongs to",
        "indent all keys of a mapping by the same number of spaces",
    ),
    ("simple key expect", "a line without `: `", "write `key: value`; `-` and `:` are followed by a space"),
    ("unexpected character", "a value that begins with a special character", "put the value into quotes"),
    ("unknown anchor", "the alias names no anchor above it", "define it with `&name` before its use"),
    ("recursion limit", "brackets are nested too deeply", "use fewer levels"),
];

/// The error of the parser in the words of this language.
pub(super) fn syntax_error(error: &ScanError, open: Option<Mark>, source: &SourceText<'_>) -> Issue {
    let at = error.marker();
    let mut mark = Mark { index: at.index(), line: at.line(), column: at.col() + 1 };
    let known = KNOWN.iter().find(|(words, _, _)| error.info().contains(words));
    let (message, mut help) = match known {
        Some((_, message, help)) => ((*message).to_owned(), Some((*help).to_owned())),
        None => (error.info().to_owned(), None),
    };
    // An unfinished bracket is noticed only at the end of the file; where it was opened helps more.
    let unfinished = known.is_some_and(|(words, _, _)| words.starts_with("expected ','"));
    if let (true, Some(open)) = (unfinished, open) {
        help = Some(format!("it begins at {}:{}", open.line, open.column));
        if source.slice(mark.index, usize::MAX).trim().is_empty() {
            mark = open;
            help = known.map(|(_, _, help)| (*help).to_owned());
        }
    }
    if source.slice(mark.index.saturating_sub(1), mark.index + 1) == "${" {
        let message = "`${` without quotes inside of `[ ]` or `{ }`".to_owned();
        let help = Some("put the value into quotes: \"${NAME}\"".to_owned());
        return Issue { mark, code: codes::SYNTAX, message, help };
    }
    let code = if error.info().contains("unknown anchor") { codes::ALIAS } else { codes::SYNTAX };
    Issue { mark, code, message, help }
}
