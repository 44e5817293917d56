use crate::cast::Failure;
use crate::cells::shortened;

/// What stands between pairs, and between a key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Separators {
    pub pairs: String,
    pub value: String,
}

impl Separators {
    /// The pairs of a text. A value in double quotes may hold separators, and `\"` and `\\`; of a key given twice the last
    /// value counts.
    pub fn pairs(&self, text: &str) -> Result<Vec<(String, String)>, Failure> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        let mut rest = self.skip(text);
        while !rest.is_empty() {
            let malformed = || {
                let message = format!("`{}` is not a key, `{}` and a value", shortened(rest), self.value);
                Failure::new("invalid_key_value", message)
            };
            let end = rest.find(&self.pairs).unwrap_or(rest.len());
            let at = rest.find(&self.value).filter(|at| *at < end).ok_or_else(malformed)?;
            let (key, behind) = rest.split_at(at);
            let key = key.trim();
            if key.is_empty() {
                return Err(malformed());
            }
            let behind = behind.get(self.value.len()..).unwrap_or_default();
            let (value, behind) = match behind.strip_prefix('"') {
                Some(quoted) => {
                    let (value, behind) = quoted_value(quoted).ok_or_else(malformed)?;
                    // Anything else here would be lost.
                    if !behind.trim().is_empty() && !behind.starts_with(&self.pairs) {
                        return Err(malformed());
                    }
                    (value, behind)
                }
                None => {
                    let (value, behind) = behind.split_at(behind.find(&self.pairs).unwrap_or(behind.len()));
                    (value.trim().to_owned(), behind)
                }
            };
            match pairs.iter_mut().find(|(known, _)| known == key) {
                Some((_, known)) => *known = value,
                None => pairs.push((key.to_owned(), value)),
            }
            rest = self.skip(behind);
        }
        Ok(pairs)
    }

    /// What comes behind separators and spaces.
    fn skip<'t>(&self, text: &'t str) -> &'t str {
        let mut rest = text.trim_start();
        while let Some(behind) = rest.strip_prefix(self.pairs.as_str()) {
            rest = behind.trim_start();
        }
        rest
    }
}

fn quoted_value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => value.push(letters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn pairs(text: &str, pairs: &str, value: &str) -> Result<String, &'static str> {
        let separators = Separators { pairs: pairs.to_owned(), value: value.to_owned() };
        let found = separators.pairs(text).map_err(|failure| failure.code)?;
        Ok(found.into_iter().map(|(key, value)| format!("{key}:{value}|")).collect())
    }

    #[test]
    fn pairs_are_read_with_their_quotes() {
        assert_eq!(
            pairs(" level=info  msg=\"a \\\"b\\\" c=d\" n=", " ", "=").unwrap(),
            "level:info|msg:a \"b\" c=d|n:|"
        );
        assert_eq!(pairs("a: 1; b : x y;; a: 2", ";", ":").unwrap(), "a:2|b:x y|");
        assert_eq!(pairs("", " ", "=").unwrap(), "");
        for bad in ["word", "=x", "a=\"b", "a=\"b\"c", "a=1 b"] {
            assert_eq!(pairs(bad, " ", "="), Err("invalid_key_value"), "{bad}");
        }
    }
}
