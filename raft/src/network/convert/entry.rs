use etl_proto::raft as wire;
use openraft::{Entry, EntryPayload};

use super::ids::{log_id_to_wire, required_log_id};
use super::membership::{membership_from_wire, membership_to_wire};
use crate::network::malformed::Malformed;
use crate::type_config::{Proposal, TypeConfig};

pub(super) fn entry_to_wire(entry: &Entry<TypeConfig>) -> wire::Entry {
    let payload = match &entry.payload {
        EntryPayload::Blank => wire::entry::Payload::Blank(wire::Blank {}),
        EntryPayload::Normal(Proposal(bytes)) => wire::entry::Payload::Command(bytes.clone()),
        EntryPayload::Membership(membership) => {
            wire::entry::Payload::Membership(membership_to_wire(membership))
        }
    };
    wire::Entry { log_id: Some(log_id_to_wire(&entry.log_id)), payload: Some(payload) }
}

pub(super) fn entry_from_wire(field: &str, entry: wire::Entry) -> Result<Entry<TypeConfig>, Malformed> {
    let log_id = required_log_id(&format!("{field}.log_id"), entry.log_id)?;
    let payload = match entry.payload.ok_or_else(|| Malformed::missing(format!("{field}.payload")))? {
        wire::entry::Payload::Blank(_) => EntryPayload::Blank,
        wire::entry::Payload::Command(bytes) => EntryPayload::Normal(Proposal(bytes)),
        wire::entry::Payload::Membership(membership) => {
            EntryPayload::Membership(membership_from_wire(&format!("{field}.membership"), membership)?)
        }
    };
    Ok(Entry { log_id, payload })
}

/// About how many bytes the entry takes in a message, never less than its command has.
pub(crate) fn encoded_size(entry: &Entry<TypeConfig>) -> usize {
    const FRAME: usize = 48;
    const PER_MEMBER: usize = 128;
    FRAME
        + match &entry.payload {
            EntryPayload::Blank => 0,
            EntryPayload::Normal(Proposal(bytes)) => bytes.len(),
            EntryPayload::Membership(membership) => {
                membership.nodes().map(|(_, peer)| PER_MEMBER + peer.address.len()).sum()
            }
        }
}
