//! openraft's types to messages and back. What cannot be a message of a sane peer is [`Malformed`](super::malformed::Malformed)
//! and names the field; openraft itself takes what it gets for granted.

mod append;
mod entry;
mod ids;
mod membership;
mod snapshot;
#[cfg(test)]
mod tests;
mod vote;

pub(crate) use append::{
    append_request_from_wire, append_request_to_wire, append_response_from_wire, append_response_to_wire,
};
pub(crate) use entry::encoded_size;
pub(crate) use ids::{
    log_id_from_wire, log_id_to_wire, required_log_id, uuid_from_wire, vote_from_wire, vote_to_wire,
};
pub(crate) use snapshot::{snapshot_header_from_wire, snapshot_header_to_wire};
pub(crate) use vote::{
    vote_request_from_wire, vote_request_to_wire, vote_response_from_wire, vote_response_to_wire,
};
