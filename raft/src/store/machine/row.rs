//! Rows beside those of the state: version, CRC-32 of version and content, content in MessagePack with names.

use std::path::Path;

use etl_raft_state::EncodingError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;

const VERSION: u8 = 1;

pub(super) fn encode<T: Serialize>(path: &Path, value: &T) -> Result<Vec<u8>, Error> {
    let content =
        rmp_serde::to_vec_named(value).map_err(|error| Error::io(path)(std::io::Error::other(error)))?;
    let mut row = vec![VERSION];
    row.extend_from_slice(&checksum(VERSION, &content).to_be_bytes());
    row.extend_from_slice(&content);
    Ok(row)
}

pub(super) fn decode<T: DeserializeOwned>(path: &Path, row: &[u8]) -> Result<T, Error> {
    let (head, content) = row.split_first_chunk::<5>().ok_or_else(|| damaged(path, "a row is too short"))?;
    let [version, expected @ ..] = *head;
    if u32::from_be_bytes(expected) != checksum(version, content) {
        return Err(damaged(path, "a row does not fit its checksum"));
    }
    if version != VERSION {
        let what = "the state's position";
        return Err(Error::Encoding(EncodingError::UnknownVersion { what, found: version, known: VERSION }));
    }
    rmp_serde::from_slice(content).map_err(|error| damaged(path, &error.to_string()))
}

fn checksum(version: u8, content: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&[version]);
    sum.update(content);
    sum.finalize()
}

pub(super) fn damaged(path: &Path, problem: &str) -> Error {
    Error::Damaged { path: path.to_owned(), problem: problem.to_owned() }
}
