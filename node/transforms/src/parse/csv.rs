use crate::cast::Failure;

/// The values of one line of CSV. One that is empty and not quoted is null.
pub(super) fn values(line: &str, delimiter: char) -> Result<Vec<Option<String>>, Failure> {
    let malformed = |message: &str| Failure::new("invalid_csv", message.to_owned());
    let mut values = Vec::new();
    let mut rest = line;
    loop {
        let (value, behind) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (value, behind) =
                    quoted_value(quoted).ok_or_else(|| malformed("a quote is not closed"))?;
                (Some(value), behind)
            }
            None => {
                let end = rest.find(delimiter).unwrap_or(rest.len());
                let (value, behind) = rest.split_at(end);
                ((!value.is_empty()).then(|| value.to_owned()), behind)
            }
        };
        values.push(value);
        if behind.is_empty() {
            return Ok(values);
        }
        match behind.strip_prefix(delimiter) {
            Some(next) => rest = next,
            None => return Err(malformed("a value goes on behind its closing quote")),
        }
    }
}

/// The value up to its closing quote, where two quotes stand for one, and what is behind it.
fn quoted_value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let at = rest.find('"')?;
        value.push_str(rest.get(..at)?);
        rest = rest.get(at + 1..)?;
        match rest.strip_prefix('"') {
            Some(behind) => {
                value.push('"');
                rest = behind;
            }
            None => return Some((value, rest)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn quotes_keep_what_is_inside() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            values("a,\"b,\"\"c\"\"\",,\"\"", ',').unwrap(),
            [text("a"), text("b,\"c\""), None, text("")]
        );
        assert_eq!(values("", ';').unwrap(), [None]);
        assert_eq!(values("x;", ';').unwrap(), [text("x"), None]);
        assert_eq!(values("a\"b,c", ',').unwrap(), [text("a\"b"), text("c")]);
        for bad in ["\"a", "\"a\"b", "\"\"\""] {
            assert_eq!(values(bad, ',').unwrap_err().code, "invalid_csv", "{bad}");
        }
    }
}
