//! Texts for bytes and back: base64, hexadecimal digits, percent signs, parts of URLs.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;

use crate::failure::Failure;
use crate::time::shortened;
use crate::value::Value;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];

pub(crate) fn to_base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// Padding may be there or not.
pub(crate) fn from_base64(text: &str) -> Result<Vec<u8>, Failure> {
    LENIENT.decode(text).map_err(|_| not("base64", text))
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    let digit = |half: u8| DIGITS.get(usize::from(half & 15)).copied().unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// Digits in either case, two for each byte.
pub(crate) fn from_hex(text: &str) -> Result<Vec<u8>, Failure> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    pairs.collect::<Option<_>>().ok_or_else(|| not("hexadecimal digits", text))
}

/// All but letters, digits and `-._~` as `%XX`.
pub(crate) fn to_percent(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&to_hex(&[byte]).to_ascii_uppercase());
        }
    }
    encoded
}

/// Reads `%XX`; all else stands for itself.
pub(crate) fn from_percent(text: &str) -> Result<String, Failure> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let digits = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let decoded =
            digits.and_then(|digits| from_hex(digits).ok()).ok_or_else(|| not("%-encoded", text))?;
        bytes.extend(decoded);
        rest = tail.get(2..).unwrap_or_default();
    }
    String::from_utf8(bytes).map_err(|_| Failure::new("invalid_utf8", "the bytes are not UTF-8 text"))
}

fn not(form: &str, text: &str) -> Failure {
    Failure::new("invalid_conversion", format!("`{}` is not {form}", shortened(text)))
}

/// The parts of a URL in the order of [`URL_PARTS`], null where it has none.
pub(crate) fn parse_url(text: &str) -> Result<Value, Failure> {
    let url = url::Url::parse(text).map_err(|error| {
        Failure::new("invalid_url", format!("`{}` is not a URL: {error}", shortened(text)))
    })?;
    let text = |part: Option<&str>| part.map_or(Value::Null, Value::string);
    let some = |part: &str| text(Some(part).filter(|part| !part.is_empty()));
    let parts = [
        some(url.scheme()),
        some(url.username()),
        text(url.password()),
        text(url.host_str()),
        url.port_or_known_default().map_or(Value::Null, |port| Value::Int(i64::from(port))),
        some(url.path()),
        text(url.query()),
        text(url.fragment()),
    ];
    Ok(Value::Map(URL_PARTS.iter().map(|name| Value::string(*name)).zip(parts).collect()))
}

pub(crate) const URL_PARTS: [&str; 8] =
    ["scheme", "username", "password", "host", "port", "path", "query", "fragment"];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives() {
        let bytes: Vec<u8> = (0..=255).collect();
        for length in 0..bytes.len() {
            let bytes = &bytes[..length];
            assert_eq!(from_base64(&to_base64(bytes)).unwrap(), bytes);
            assert_eq!(from_base64(to_base64(bytes).trim_end_matches('=')).unwrap(), bytes);
            assert_eq!(from_hex(&to_hex(bytes)).unwrap(), bytes);
        }
        let text: String = ('\0'..'\u{800}').collect();
        assert_eq!(from_percent(&to_percent(&text)).unwrap(), text);
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for text in ["a", "a=b", "####"] {
            assert_eq!(from_base64(text).unwrap_err().code, "invalid_conversion", "{text}");
        }
        for text in ["a", "0g", "0x12", "é"] {
            assert_eq!(from_hex(text).unwrap_err().code, "invalid_conversion", "{text}");
        }
        for text in ["%", "%1", "%zz", "%é"] {
            assert_eq!(from_percent(text).unwrap_err().code, "invalid_conversion", "{text}");
        }
        assert_eq!(from_percent("%ff").unwrap_err().code, "invalid_utf8");
        assert_eq!(parse_url("/a/b").unwrap_err().code, "invalid_url");
    }
}
