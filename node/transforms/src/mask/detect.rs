use std::net::{Ipv4Addr, Ipv6Addr};

use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;

/// What can be found in texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// Addresses of e-mail.
    Email,
    /// Telephone numbers: international (`+49 30 1234567`), or in groups (`(030) 123 4567`, `555-123-4567`).
    Phone,
    /// Card numbers of 13 to 19 digits whose check digit is right.
    CreditCard,
    /// Social security numbers of the United States: `123-45-6789`.
    Ssn,
    /// IPv4 and IPv6 addresses.
    Ip,
    /// International bank account numbers whose check digits are right.
    Iban,
}

/// Finds things of one kind.
pub(super) struct Detector {
    pattern: Regex,
    /// What matches the pattern must also be this.
    is: fn(&str) -> bool,
}

impl Detector {
    /// The detector of a kind.
    pub fn of(kind: Kind) -> Result<Self, regex::Error> {
        let (pattern, is): (&str, fn(&str) -> bool) = match kind {
            Kind::Email => (r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(?:\.[\w-]+)+", |_| true),
            Kind::Phone => (
                r"(?:\+|\b00)[1-9](?:[ ().\-/]*\d){6,14}\b|\(\d{2,5}\) ?\d(?:[ \-/]?\d){4,11}\b|\b\d{3}[-. ]\d{3}[-. ]\d{4}\b",
                |_| true,
            ),
            Kind::CreditCard => (r"\b\d(?:[ -]?\d){12,18}\b", is_card),
            Kind::Ssn => (r"\b\d{3}-\d{2}-\d{4}\b", |_| true),
            Kind::Ip => {
                (r"\b\d{1,3}(?:\.\d{1,3}){3}\b|[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*", is_address)
            }
            Kind::Iban => (r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}\b", is_account),
        };
        Ok(Self { pattern: Regex::new(pattern)?, is })
    }

    /// The detector of a pattern.
    pub fn pattern(pattern: &str) -> Result<Self, regex::Error> {
        Ok(Self { pattern: Regex::new(pattern)?, is: |_| true })
    }

    /// The text with something else in place of what is found; `None` if nothing is.
    pub fn replace(&self, text: &str, replacement: &str) -> Option<String> {
        let mut made = String::new();
        let mut behind = 0;
        let found =
            self.pattern.find_iter(text).filter(|found| !found.is_empty() && (self.is)(found.as_str()));
        for found in found {
            made.push_str(text.get(behind..found.start())?);
            made.push_str(replacement);
            behind = found.end();
        }
        if behind == 0 {
            return None;
        }
        made.push_str(text.get(behind..)?);
        Some(made)
    }
}

/// Whether the check digit is right (ISO/IEC 7812).
fn is_card(text: &str) -> bool {
    let digits = text.bytes().rev().filter(u8::is_ascii_digit).map(|digit| u32::from(digit - b'0'));
    let sum: u32 = digits
        .enumerate()
        .map(|(at, digit)| match at % 2 {
            0 => digit,
            _ => digit * 2 / 10 + digit * 2 % 10,
        })
        .sum();
    sum.is_multiple_of(10)
}

fn is_address(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok() || text.parse::<Ipv6Addr>().is_ok()
}

/// Whether the check digits are right (ISO 13616).
fn is_account(text: &str) -> bool {
    let letters: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').collect();
    if !(15..=34).contains(&letters.len()) {
        return false;
    }
    let (front, back) = letters.split_at(4);
    let remainder = back.iter().chain(front).fold(0, |remainder: u32, letter| match letter {
        b'0'..=b'9' => (remainder * 10 + u32::from(letter - b'0')) % 97,
        _ => (remainder * 100 + u32::from(letter.to_ascii_uppercase() - b'A') + 10) % 97,
    });
    remainder == 1
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_replaced_and_nothing_else() {
        for (kind, text, expected) in [
            (Kind::Email, "to ann.b+c@mail.example.org, bob@x", "to #, bob@x"),
            (
                Kind::Phone,
                "call +49 (0)30 123456-78 or (030) 1234567 or 555-123-4567, order 20260131",
                "call # or # or #, order 20260131",
            ),
            (Kind::CreditCard, "4111 1111 1111 1111 and 4111-1111-1111-1112", "# and 4111-1111-1111-1112"),
            (Kind::Ssn, "123-45-6789, 123-456-789", "#, 123-456-789"),
            (Kind::Ip, "10.0.0.1 999.1.1.1 ::1 fe80::1:2 12:30:00", "# 999.1.1.1 # # 12:30:00"),
            (Kind::Iban, "DE89 3704 0044 0532 0130 00, GB82WEST12345698765433", "#, GB82WEST12345698765433"),
        ] {
            assert_eq!(Detector::of(kind).unwrap().replace(text, "#").as_deref(), Some(expected), "{kind:?}");
        }
        assert_eq!(Detector::of(Kind::Ip).unwrap().replace("at 12:30:00", "#"), None);
        assert_eq!(Detector::pattern("x*").unwrap().replace("axxb", "-").as_deref(), Some("a-b"));
    }
}
