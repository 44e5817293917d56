//! Bounds on an expression's text, checked before the parser sees it.

use crate::error::ExprError;

/// Longest text in bytes.
const LENGTH: usize = 64 * 1024;
/// Deepest tree: brackets plus chained operators.
const DEPTH: usize = 100;

/// Refuses a text that is too long, or whose syntax tree could be too deep for recursion.
///
/// The parser recurses per bracket and builds a left-deep tree per chain such as `a + b + c` or `a.b.c`. The depth is
/// overestimated from the tokens: every operator, dot and opening bracket adds one until the next comma or logical
/// operator on the same level (logical operators are balanced by the parser).
pub(crate) fn check(text: &str) -> Result<(), ExprError> {
    if text.len() > LENGTH {
        let message = format!("the expression has {} bytes; at most {LENGTH} are allowed", text.len());
        return Err(ExprError::new(None, "too_long", message));
    }
    let bytes = text.as_bytes();
    let mut levels: Vec<usize> = vec![0];
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\'' | b'"' => {
                at = skip_string(bytes, at);
                continue;
            }
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at += bytes.iter().skip(at).position(|&b| b == b'\n').unwrap_or(bytes.len() - at);
                continue;
            }
            b'(' | b'[' | b'{' => {
                levels.push(0);
                depth += 1;
            }
            b')' | b']' | b'}' => {
                if levels.len() > 1 {
                    depth = depth.saturating_sub(levels.pop().unwrap_or(0));
                }
                // The bracket's own level stays counted: calls and indexes chain like operators do.
                if let Some(level) = levels.last_mut() {
                    *level += 1;
                }
            }
            b',' => {
                if let Some(level) = levels.last_mut() {
                    depth = depth.saturating_sub(std::mem::take(level));
                }
            }
            b'&' | b'|' => {
                if let Some(level) = levels.last_mut() {
                    depth = depth.saturating_sub(std::mem::take(level));
                }
            }
            b'+' | b'-' | b'*' | b'/' | b'%' | b'<' | b'>' | b'=' | b'!' | b'?' | b':' | b'.' => {
                let operator = matches!(bytes.get(at + 1), Some(b'=')).then_some(1).unwrap_or(0);
                at += operator;
                if let Some(level) = levels.last_mut() {
                    *level += 1;
                    depth += 1;
                }
            }
            _ => {}
        }
        if depth > DEPTH {
            return Err(ExprError::new(at, "too_deep", "the expression is nested or chained too deeply")
                .with_help("split it into several steps"));
        }
        at += 1;
    }
    Ok(())
}

/// The index behind a string literal that begins at `start`, or the end of the text.
fn skip_string(bytes: &[u8], start: usize) -> usize {
    let Some(&quote) = bytes.get(start) else { return bytes.len() };
    let raw = start > 0 && matches!(bytes.get(start - 1), Some(b'r' | b'R'));
    let triple = bytes.get(start + 1) == Some(&quote) && bytes.get(start + 2) == Some(&quote);
    let width = if triple { 3 } else { 1 };
    let mut at = start + width;
    while at < bytes.len() {
        match bytes.get(at) {
            Some(b'\\') if !raw => at += 2,
            Some(byte) if *byte == quote => {
                if !triple || (bytes.get(at + 1) == Some(&quote) && bytes.get(at + 2) == Some(&quote)) {
                    return at + width;
                }
                at += 1;
            }
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_brackets_and_chains() {
        let flat = format!("x in [{}]", vec!["1.5"; 5000].join(", "));
        assert_eq!(check(&flat), Ok(()));
        assert_eq!(check(&vec!["a.b == 'x'"; 1000].join(" || ")), Ok(()));
        assert_eq!(check(&format!("'{}'", "(".repeat(1000))), Ok(()));
        assert_eq!(check(&format!("'''it's {}'''", "(".repeat(1000))), Ok(()));
        for deep in [
            "(".repeat(101),
            vec!["1"; 102].join("+"),
            "a".to_owned() + &".b".repeat(101),
            "a".to_owned() + &"[0]".repeat(101),
            "a".to_owned() + &".b()".repeat(51),
            "!".repeat(200),
            "a?b:".repeat(60),
            "((1+1)".repeat(60),
        ] {
            assert_eq!(check(&deep).unwrap_err().code, "too_deep", "{deep}");
        }
        assert_eq!(check(&" ".repeat(LENGTH + 1)).unwrap_err().code, "too_long");
    }
}
