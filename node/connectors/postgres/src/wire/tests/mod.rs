mod backend;
mod copying;
mod faults;
mod routing;
mod segments;

use super::frame::COPY_DATA;

/// A message.
pub(super) fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(body.len() + 4).unwrap();
    [&[tag][..], &length.to_be_bytes(), body].concat()
}

/// A row.
pub(super) fn row(body: &[u8]) -> Vec<u8> {
    message(COPY_DATA, body)
}
