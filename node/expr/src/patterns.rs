//! Regular expressions on single texts, as in CEL's `regex` extension.

use std::cell::RefCell;

use regex::{Captures, Regex, RegexBuilder};

use crate::failure::Failure;
use crate::strings::LONGEST;

/// Bytes that a compiled pattern may take.
const SIZE: usize = 4 * 1024 * 1024;

/// Bytes of a pattern that a message repeats.
const LONGEST_SHOWN: usize = 200;

thread_local! {
    /// The pattern used last: a column of patterns usually repeats one.
    static LAST: RefCell<Option<Regex>> = const { RefCell::new(None) };
}

pub(crate) fn compile(pattern: &str) -> Result<Regex, Failure> {
    RegexBuilder::new(pattern).size_limit(SIZE).dfa_size_limit(SIZE).build().map_err(|error| {
        let message = error.to_string();
        // The message repeats the pattern, which may be long, and ends with what is wrong.
        let last = message.lines().next_back().unwrap_or_default();
        let message = if pattern.len() <= LONGEST_SHOWN { message.as_str() } else { last };
        Failure::new("invalid_pattern", message.to_owned())
    })
}

fn with<T>(pattern: &str, run: impl FnOnce(&Regex) -> T) -> Result<T, Failure> {
    LAST.with_borrow_mut(|last| {
        if let Some(last) = last.as_ref().filter(|last| last.as_str() == pattern) {
            return Ok(run(last));
        }
        Ok(run(last.insert(compile(pattern)?)))
    })
}

pub(crate) fn is_match(text: &str, pattern: &str) -> Result<bool, Failure> {
    with(pattern, |regex| regex.is_match(text))
}

/// The group that `extract` yields: the only one of the pattern, or the whole match.
fn group(regex: &Regex) -> Result<usize, Failure> {
    match regex.captures_len() {
        1 => Ok(0),
        2 => Ok(1),
        groups => Err(Failure::new(
            "invalid_pattern",
            format!("the pattern has {} capture groups; one at most can be extracted", groups - 1),
        )),
    }
}

/// The first match; `None` where there is none, or its group is not part of it.
pub(crate) fn extract<'a>(text: &'a str, pattern: &str) -> Result<Option<&'a str>, Failure> {
    with(pattern, |regex| {
        let group = group(regex)?;
        Ok(regex.captures(text).and_then(|found| found.get(group)).map(|found| found.as_str()))
    })?
}

/// All matches in their order, without those whose group is not part of them.
pub(crate) fn extract_all<'a>(text: &'a str, pattern: &str) -> Result<Vec<&'a str>, Failure> {
    with(pattern, |regex| {
        let group = group(regex)?;
        let matches = regex.captures_iter(text).filter_map(|found| found.get(group));
        Ok(matches.map(|found| found.as_str()).collect())
    })?
}

/// At most `limit` matches replaced; all where it is negative.
pub(crate) fn replace(text: &str, pattern: &str, replacement: &str, limit: i64) -> Result<String, Failure> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    with(pattern, |regex| {
        check(replacement, regex.captures_len())?;
        let mut result = String::with_capacity(text.len());
        let mut copied = 0;
        for found in regex.captures_iter(text).take(limit) {
            let Some(whole) = found.get(0) else { continue };
            result.push_str(text.get(copied..whole.start()).unwrap_or_default());
            expand(replacement, &found, &mut result);
            copied = whole.end();
            if result.len() > LONGEST {
                return Err(Failure::new("too_long", "the replaced text is too long"));
            }
        }
        result.push_str(text.get(copied..).unwrap_or_default());
        Ok(result)
    })?
}

fn check(replacement: &str, groups: usize) -> Result<(), Failure> {
    let invalid = |message: String| Err(Failure::new("invalid_pattern", message));
    let mut characters = replacement.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            continue;
        }
        match characters.next() {
            Some('\\') => {}
            Some(digit) if digit.is_ascii_digit() => {
                if digit.to_digit(10).is_some_and(|digit| digit as usize >= groups) {
                    return invalid(format!(
                        "the replacement has the group \\{digit}, the pattern only {}",
                        groups - 1
                    ));
                }
            }
            _ => {
                return invalid("a `\\` in the replacement stands before a digit or another `\\`".to_owned());
            }
        }
    }
    Ok(())
}

fn expand(replacement: &str, found: &Captures<'_>, result: &mut String) {
    let mut characters = replacement.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            result.push(character);
            continue;
        }
        match characters.next().map(|next| (next, next.to_digit(10))) {
            Some((_, Some(digit))) => {
                result.push_str(found.get(digit as usize).map_or("", |group| group.as_str()));
            }
            Some((other, None)) => result.push(other),
            None => {}
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn replacing_follows_the_extension() {
        for (text, pattern, replacement, limit, expected) in [
            ("banana", "a", "x", 0, "banana"),
            ("banana", "a", "x", 1, "bxnana"),
            ("banana", "a", "x", -12, "bxnxnx"),
            ("foo bar", "(fo)o (ba)r", r"\2 \1", -1, "ba fo"),
            ("test", "(.)", "$2", -1, "$2$2$2$2"),
            ("abc", "b", r"[\0]\\", -1, r"a[b]\c"),
            ("abc", "", "-", -1, "-a-b-c-"),
        ] {
            assert_eq!(replace(text, pattern, replacement, limit), Ok(expected.to_owned()), "{pattern}");
        }
        for (pattern, replacement) in [("(.)", r"\2"), (".", r"\"), (".", r"\n"), ("(", "")] {
            assert_eq!(replace("test", pattern, replacement, -1).unwrap_err().code, "invalid_pattern");
        }
        assert_eq!(replace(&"a".repeat(1000), "a", &"b".repeat(1 << 20), -1).unwrap_err().code, "too_long");
    }

    #[test]
    fn patterns_out_of_data_are_bounded() {
        assert_eq!(is_match("a", "(a{1000}){1000}").unwrap_err().code, "invalid_pattern");
        assert!(is_match("a", &"(".repeat(100_000)).unwrap_err().message.len() < 1000);
        assert_eq!(extract("ab", "(a)(b)").unwrap_err().code, "invalid_pattern");
        assert_eq!(extract("b", "(a)|b"), Ok(None));
        assert_eq!(extract_all("a b", "(a)|b"), Ok(vec!["a"]));
    }
}
