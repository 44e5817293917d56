use std::io::ErrorKind;

use rmp_serde::decode::Error as DecodeError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::encoding_error::EncodingError;

/// Deeper than anything of this crate nests, shallow enough for any thread's stack.
const MAX_DEPTH: usize = 48;

/// One version byte, then MessagePack with names.
pub(crate) fn encode<T: Serialize>(
    what: &'static str,
    version: u8,
    value: &T,
) -> Result<Vec<u8>, EncodingError> {
    let mut bytes = vec![version];
    append(what, value, &mut bytes)?;
    Ok(bytes)
}

/// MessagePack with names, after what `bytes` holds already.
pub(crate) fn append<T: Serialize>(
    what: &'static str,
    value: &T,
    bytes: &mut Vec<u8>,
) -> Result<(), EncodingError> {
    rmp_serde::encode::write_named(bytes, value)
        .map_err(|error| EncodingError::Encode { what, problem: error.to_string() })
}

/// Reads what [`encode`] wrote.
pub(crate) fn decode<T: DeserializeOwned>(
    what: &'static str,
    known: u8,
    bytes: &[u8],
) -> Result<T, EncodingError> {
    match bytes.split_first() {
        None => Err(EncodingError::Truncated { what, size: 0 }),
        Some((&found, rest)) if found == known => value(what, rest),
        Some((&found, _)) => Err(EncodingError::UnknownVersion { what, found, known }),
    }
}

/// Reads a value that takes up all of `bytes`, without a version.
pub(crate) fn value<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, EncodingError> {
    let mut rest = bytes;
    let mut deserializer = rmp_serde::Deserializer::new(&mut rest);
    deserializer.set_max_depth(MAX_DEPTH);
    let decoded = T::deserialize(&mut deserializer).map_err(|error| classify(what, bytes.len(), &error))?;
    if rest.is_empty() { Ok(decoded) } else { Err(EncodingError::Trailing { what, extra: rest.len() }) }
}

fn classify(what: &'static str, size: usize, error: &DecodeError) -> EncodingError {
    match error {
        DecodeError::InvalidMarkerRead(io) | DecodeError::InvalidDataRead(io)
            if io.kind() == ErrorKind::UnexpectedEof =>
        {
            EncodingError::Truncated { what, size }
        }
        // serde has no other way to tell these two than its message, which tests pin.
        DecodeError::Syntax(message) => {
            if let Some(name) = quoted(message, "unknown variant `") {
                EncodingError::Unknown { what, name }
            } else if let Some(name) = quoted(message, "unknown field `") {
                EncodingError::UnknownField { what, name }
            } else {
                EncodingError::Malformed { what, problem: message.clone() }
            }
        }
        other => EncodingError::Malformed { what, problem: other.to_string() },
    }
}

/// What stands between `prefix` and the next backtick.
fn quoted(message: &str, prefix: &str) -> Option<String> {
    let (name, _) = message.strip_prefix(prefix)?.split_once('`')?;
    Some(name.to_owned())
}
