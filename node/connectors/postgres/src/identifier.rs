use crate::PostgresError;

/// Bytes after which PostgreSQL would silently cut a name off (`NAMEDATALEN - 1`).
const LONGEST: usize = 63;

/// Quotes a name so that PostgreSQL reads it as nothing but a name, whatever characters it holds.
pub(crate) fn quote(name: &str) -> Result<String, PostgresError> {
    let refuse = |what: &str| {
        Err(PostgresError::user(
            "invalid_name",
            format!("`{}` {what}", name.escape_debug()),
            "give it another name with a mapping",
        ))
    };
    if name.is_empty() || name.contains('\0') {
        return refuse("cannot be the name of a table or column");
    }
    if name.len() > LONGEST {
        return refuse(&format!("is longer than {LONGEST} bytes, where PostgreSQL would cut it off"));
    }
    Ok(format!("\"{}\"", name.replace('"', "\"\"")))
}

/// Quotes several names and joins them with commas.
pub(crate) fn quote_all<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<String, PostgresError> {
    let quoted: Result<Vec<_>, _> = names.into_iter().map(quote).collect();
    Ok(quoted?.join(", "))
}

/// A text as a literal, whatever `standard_conforming_strings` says. The text must not contain NUL.
pub(crate) fn literal(text: &str) -> Result<String, PostgresError> {
    if text.contains('\0') {
        return Err(PostgresError::Impossible("a literal with a NUL character".to_owned()));
    }
    let quoted = text.replace('\'', "''");
    Ok(if quoted.contains('\\') {
        format!(" E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    })
}

/// A table as the user names it: `table`, `schema.table`, with quotes around parts that hold dots, spaces or upper case
/// letters that shall stay (`"My Table"`, `app."a.b"`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableName {
    pub(crate) schema: Option<String>,
    pub(crate) name: String,
}

impl TableName {
    /// Parts without quotes are taken as they are, too: `Users` is the table `Users`, which SQL would fold to `users`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        loop {
            let (part, after) = match rest.strip_prefix('"') {
                Some(quoted) => quoted_part(quoted).ok_or("a quote is not closed")?,
                None => {
                    let end = rest.find('.').unwrap_or(rest.len());
                    (rest[..end].to_owned(), &rest[end..])
                }
            };
            parts.push(part);
            match after.strip_prefix('.') {
                Some(more) => rest = more,
                None if after.is_empty() => break,
                None => return Err(format!("unexpected `{after}` behind a quoted name")),
            }
        }
        if parts.iter().any(String::is_empty) {
            return Err("a part of the name is empty".to_owned());
        }
        if parts.iter().any(|part| part.contains('\0')) {
            return Err("the name contains a NUL character".to_owned());
        }
        if let Some(long) = parts.iter().find(|part| part.len() > LONGEST) {
            return Err(format!("`{long}` is longer than {LONGEST} bytes"));
        }
        let mut parts = parts.into_iter();
        match (parts.next(), parts.next(), parts.next()) {
            (Some(name), None, None) => Ok(Self { schema: None, name }),
            (Some(schema), Some(name), None) => Ok(Self { schema: Some(schema), name }),
            _ => Err("more than `schema.table`".to_owned()),
        }
    }

    /// As SQL.
    pub(crate) fn quoted(&self) -> Result<String, PostgresError> {
        let name = quote(&self.name)?;
        match &self.schema {
            Some(schema) => Ok(format!("{}.{name}", quote(schema)?)),
            None => Ok(name),
        }
    }

    /// Another table in the same schema.
    pub(crate) fn sibling(&self, name: String) -> Self {
        Self { schema: self.schema.clone(), name }
    }
}

impl std::fmt::Display for TableName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}.")?;
        }
        f.write_str(&self.name)
    }
}

/// The name before the closing quote, and what follows it.
fn quoted_part(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let end = rest.find('"')?;
        name.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return Some((name, rest)),
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
        assert_eq!(quote("a\"; drop table x; --").unwrap(), "\"a\"\"; drop table x; --\"");
        assert_eq!(quote_all(["a", "b c"]).unwrap(), "\"a\", \"b c\"");
        assert!(quote("").is_err());
        assert!(quote("a\0b").is_err());
        assert!(quote(&"ü".repeat(32)).is_err());
        assert!(quote(&"u".repeat(63)).is_ok());
    }

    #[test]
    fn literals_cannot_end_the_quotes() {
        assert_eq!(literal("it's").unwrap(), "'it''s'");
        assert_eq!(literal("a\\'; --").unwrap(), " E'a\\\\''; --'");
        assert!(literal("\0").is_err());
    }

    #[test]
    fn tables_are_named_with_or_without_schema_and_quotes() {
        let name = |schema: Option<&str>, name: &str| {
            Ok(TableName { schema: schema.map(str::to_owned), name: name.to_owned() })
        };
        assert_eq!(TableName::parse("users"), name(None, "users"));
        assert_eq!(TableName::parse("app.Users"), name(Some("app"), "Users"));
        assert_eq!(TableName::parse("\"a.b\".\"c \"\"d\"\"\""), name(Some("a.b"), "c \"d\""));
        assert_eq!(TableName::parse("x\"; drop table y; --"), name(None, "x\"; drop table y; --"));
        for bad in ["", ".a", "a.", "a.b.c", "\"a", "\"a\"b", "a\0"] {
            assert!(TableName::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(TableName::parse("a\"b").unwrap().quoted().unwrap(), "\"a\"\"b\"");
    }
}
