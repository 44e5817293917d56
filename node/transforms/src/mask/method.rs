use std::borrow::Cow;
use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::detect::Detector;
use super::token::Tokens;

/// What stands for a value that has no text.
pub(super) const HIDDEN: &str = "****";

/// How values are masked.
pub(super) enum Method {
    /// So many characters at one end stay.
    Partial {
        show_chars: usize,
        from: End,
    },
    Full {
        replacement: String,
    },
    Hash {
        key: String,
    },
    Tokenise(Tokens),
    Redact {
        detectors: Vec<Detector>,
        replacement: String,
    },
}

/// An end of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Start,
    End,
}

impl Method {
    /// What stands for a text. What cannot be computed is hidden, never shown.
    pub fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self {
            Self::Partial { show_chars, from } => Cow::Owned(partial(text, *show_chars, *from)),
            Self::Full { replacement } => Cow::Owned(replacement.clone()),
            Self::Hash { key } => Cow::Owned(hash(key, text).unwrap_or_else(|| HIDDEN.to_owned())),
            Self::Tokenise(tokens) => Cow::Owned(tokens.seal(text).unwrap_or_else(|| HIDDEN.to_owned())),
            Self::Redact { detectors, replacement } => {
                let apply =
                    |text: Cow<'t, str>, detector: &Detector| match detector.replace(&text, replacement) {
                        Some(replaced) => Cow::Owned(replaced),
                        None => text,
                    };
                detectors.iter().fold(Cow::Borrowed(text), apply)
            }
        }
    }

    /// Whether records and lists are replaced as a whole and not value by value.
    pub fn takes_whole(&self) -> bool {
        matches!(self, Self::Full { .. })
    }

    /// Whether it looks into texts and leaves other values alone.
    pub fn only_texts(&self) -> bool {
        matches!(self, Self::Redact { .. })
    }
}

/// At least half of the characters are hidden, so that a short text is never shown whole.
fn partial(text: &str, show_chars: usize, from: End) -> String {
    let length = text.chars().count();
    let shown = show_chars.min(length / 2);
    let hidden = length - shown;
    let mut masked = String::with_capacity(text.len());
    match from {
        End::Start => {
            masked.extend(text.chars().take(shown));
            masked.extend(std::iter::repeat_n('*', hidden));
        }
        End::End => {
            masked.extend(std::iter::repeat_n('*', hidden));
            masked.extend(text.chars().skip(hidden));
        }
    }
    masked
}

/// HMAC-SHA-256 of a text in hexadecimal digits. HMAC takes keys of every length.
fn hash(key: &str, text: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).ok()?;
    mac.update(text.as_bytes());
    let mut digits = String::with_capacity(64);
    for byte in mac.finalize().into_bytes() {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    Some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_are_never_shown_whole() {
        for (text, shown, start, end) in [
            ("ann@example.com", 3, "ann************", "************com"),
            ("Köln🏙", 2, "Kö***", "***n🏙"),
            ("abc", 3, "a**", "**c"),
            ("ab", 3, "a*", "*b"),
            ("a", 3, "*", "*"),
            ("", 3, "", ""),
            ("abcd", 0, "****", "****"),
        ] {
            assert_eq!(partial(text, shown, End::Start), start);
            assert_eq!(partial(text, shown, End::End), end);
        }
    }

    #[test]
    fn hashes_are_those_of_rfc_4231() {
        let digits = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hash("Jefe", "what do ya want for nothing?").as_deref(), Some(digits));
    }
}
