use crate::SqliteError;

/// Quotes a name so that SQLite reads it as nothing but a name, whatever characters it holds.
pub(crate) fn quote(name: &str) -> Result<String, SqliteError> {
    // The SQL text would end at a NUL; every other character is safe inside quotes.
    if name.is_empty() || name.contains('\0') {
        return Err(SqliteError::Name { name: name.escape_debug().to_string() });
    }
    Ok(format!("\"{}\"", name.replace('"', "\"\"")))
}

/// Quotes several names and joins them with commas.
pub(crate) fn quote_all<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<String, SqliteError> {
    let quoted: Result<Vec<_>, _> = names.into_iter().map(quote).collect();
    Ok(quoted?.join(", "))
}

/// Splits one name, quoted or not, off the beginning of SQL text; returns what follows it.
pub(crate) fn after_name(sql: &str) -> Option<&str> {
    let sql = sql.trim_start();
    let close = match sql.chars().next()? {
        '[' => ']',
        quote @ ('"' | '`' | '\'') => quote,
        _ => {
            let end = sql.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))?;
            return (end > 0).then(|| &sql[end..]);
        }
    };
    let mut rest = &sql[1..]; // all quotes are one byte
    loop {
        rest = &rest[rest.find(close)? + 1..];
        // A doubled quote is one character of the name, except in brackets.
        match rest.strip_prefix(close) {
            Some(inside) if close != ']' => rest = inside,
            _ => return Some(rest),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn quoted_names_cannot_end_the_quotes() {
        assert_eq!(quote("a").unwrap(), "\"a\"");
        assert_eq!(quote("a\"; DROP TABLE x; --").unwrap(), "\"a\"\"; DROP TABLE x; --\"");
        assert_eq!(quote_all(["a", "b c"]).unwrap(), "\"a\", \"b c\"");
        assert!(quote("").is_err());
        assert!(quote("a\0b").is_err());
    }

    #[test]
    fn a_name_is_cut_off_however_it_is_quoted() {
        for sql in ["t(a)", "\"t\"(a)", "\"t \"\"(x\"(a)", "`t`(a)", "[t]](a)", "'t''('(a)", "  ünïcode_1(a)"]
        {
            let expected = if sql.starts_with('[') { "](a)" } else { "(a)" };
            assert_eq!(after_name(sql), Some(expected), "{sql}");
        }
        for broken in ["", "   ", "\"open(a)", "(a)", "noend"] {
            assert_eq!(after_name(broken), None, "{broken}");
        }
    }
}
