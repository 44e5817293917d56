//! Hashes in hexadecimal digits, and identifiers made of them.

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use uuid::{Builder, Uuid};
use xxhash_rust::xxh3::xxh3_64;
use xxhash_rust::xxh64::xxh64;

use crate::encodings::to_hex;
use crate::failure::Failure;
use crate::functions::Hash;
use crate::time::shortened;

pub(crate) fn hash(hash: Hash, bytes: &[u8]) -> String {
    match hash {
        Hash::Md5 => to_hex(&Md5::digest(bytes)),
        Hash::Sha1 => to_hex(&Sha1::digest(bytes)),
        Hash::Sha256 => to_hex(&Sha256::digest(bytes)),
        Hash::Sha512 => to_hex(&Sha512::digest(bytes)),
        Hash::Crc32 => to_hex(&crc32fast::hash(bytes).to_be_bytes()),
        Hash::Xxh3 => to_hex(&xxh3_64(bytes).to_be_bytes()),
        Hash::Xxh64 => to_hex(&xxh64(bytes, 0).to_be_bytes()),
    }
}

pub(crate) fn hmac_sha256(key: &[u8], bytes: &[u8]) -> Result<String, Failure> {
    // A key of any length is allowed.
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key).map_err(|error| Failure::new("internal", error.to_string()))?;
    mac.update(bytes);
    Ok(to_hex(&mac.finalize().into_bytes()))
}

pub(crate) fn uuid_v5(namespace: &str, name: &str) -> Result<String, Failure> {
    let namespace = match namespace {
        "dns" => Uuid::NAMESPACE_DNS,
        "url" => Uuid::NAMESPACE_URL,
        "oid" => Uuid::NAMESPACE_OID,
        "x500" => Uuid::NAMESPACE_X500,
        text => text.parse().map_err(|_| {
            let message =
                format!("`{}` is neither a UUID nor `dns`, `url`, `oid` or `x500`", shortened(text));
            Failure::new("invalid_conversion", message)
        })?,
    };
    let digest = Sha1::new().chain_update(namespace.as_bytes()).chain_update(name).finalize();
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest.iter()).for_each(|(byte, hashed)| *byte = *hashed);
    Ok(Builder::from_sha1_bytes(bytes).into_uuid().to_string())
}
