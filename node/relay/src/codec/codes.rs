use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, PoisonError};

/// Codes of errors are fixed texts of the program that the other node runs; a few hundred exist.
const MOST: usize = 4096;
const LONGEST: usize = 128;

/// What stands for a code that cannot be one.
const UNKNOWN: &str = "relayed";

static CODES: LazyLock<Mutex<HashSet<&'static str>>> = LazyLock::new(Mutex::default);

/// The code as a text that lives as long as the program. Each different one is kept once, and only so many of them.
pub(super) fn fixed(code: &str) -> &'static str {
    let mut codes = CODES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = codes.get(code) {
        return known;
    }
    if codes.len() >= MOST || code.len() > LONGEST {
        return UNKNOWN;
    }
    let kept: &'static str = Box::leak(code.to_owned().into_boxed_str());
    codes.insert(kept);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_kept_once() {
        let (first, second) = (fixed("connection_reset"), fixed(&String::from("connection_reset")));
        assert_eq!(first, "connection_reset");
        assert!(std::ptr::eq(first, second));
        assert_eq!(fixed(&"x".repeat(LONGEST + 1)), UNKNOWN);
    }
}
