use arrow::array::{StringArray, StringBuilder};
use arrow::buffer::NullBuffer;
use uuid::Uuid;

use crate::encodings;
use crate::functions::Function;
use crate::hashes;
use crate::kernels::Computed;
use crate::kernels::rows::{blobs, raw, texts, to_blobs, to_texts};
use crate::vector::Vector;

/// Encodings, hashes and identifiers.
pub(super) fn call(
    function: Function,
    args: &[Vector],
    rows: usize,
    live: Option<&NullBuffer>,
) -> Option<Computed> {
    Some(match (function, args) {
        (Function::ToBase64, [a]) => {
            let a = blobs(a)?;
            to_texts(rows, live, |row| Ok(encodings::to_base64(a(row))))
        }
        (Function::FromBase64, [a]) => {
            let a = texts(a)?;
            to_blobs(rows, live, |row| encodings::from_base64(a(row)))
        }
        (Function::ToHex, [a]) => {
            let a = blobs(a)?;
            to_texts(rows, live, |row| Ok(encodings::to_hex(a(row))))
        }
        (Function::FromHex, [a]) => {
            let a = texts(a)?;
            to_blobs(rows, live, |row| encodings::from_hex(a(row)))
        }
        (Function::ToPercent, [a]) => {
            let a = texts(a)?;
            to_texts(rows, live, |row| Ok(encodings::to_percent(a(row))))
        }
        (Function::FromPercent, [a]) => {
            let a = texts(a)?;
            to_texts(rows, live, |row| encodings::from_percent(a(row)))
        }
        (Function::Hash(hash), [a]) => {
            let a = raw(a)?;
            to_texts(rows, live, |row| Ok(hashes::hash(hash, a(row))))
        }
        (Function::HmacSha256, [key, a]) => {
            let (key, a) = (raw(key)?, raw(a)?);
            to_texts(rows, live, |row| hashes::hmac_sha256(key(row), a(row)))
        }
        (Function::UuidV5, [space, name]) => {
            let (space, name) = (texts(space)?, texts(name)?);
            to_texts(rows, live, |row| hashes::uuid_v5(space(row), name(row)))
        }
        _ => return None,
    })
}

/// A random identifier per row.
pub(crate) fn uuids(rows: usize) -> StringArray {
    let mut builder = StringBuilder::with_capacity(rows, rows * 36);
    let mut buffer = Uuid::encode_buffer();
    for _ in 0..rows {
        builder.append_value(Uuid::new_v4().hyphenated().encode_lower(&mut buffer));
    }
    builder.finish()
}
