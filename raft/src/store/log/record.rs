//! What raft-log keeps for us, and how it is written. Each encoding starts with its version. raft-log adds a checksum to
//! every record.
//!
//! Entries and votes carry the offset up to which the log was known to be on disk when they were written. A record that
//! can be read therefore proves that all before that offset was synced once, which tells damage from a write that a crash
//! cut short (see [`super::repair`]).

use std::cmp::Ordering;
use std::io;

use bytes::Bytes;
use openraft::{CommittedLeaderId, EntryPayload, LeaderId, Membership, Vote};
use raft_log::codeq::{Decode, Encode};
use raft_log::{RaftLogAction, RaftLogRecord, Types, WALRecord};

use super::flushed::Flushed;
use crate::type_config::{LogId, NodeId, Peer, Proposal, TypeConfig};

/// No entry is larger than this. Written entries are refused above it, and a length above it that is read is damage.
pub(crate) const MAX_ENTRY_BYTES: usize = 16 << 20;

const VERSION: u8 = 1;

/// Ties raft-log to the types below.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LogTypes;

pub(crate) type Record = RaftLogRecord<LogTypes>;

impl Types for LogTypes {
    type LogId = Place;
    type LogPayload = Body;
    type Vote = Ballot;
    type Callback = Flushed;
    type UserData = ();

    fn log_index(place: &Place) -> u64 {
        place.0.index
    }

    fn payload_size(body: &Body) -> u64 {
        let content = match &body.payload {
            EntryPayload::Normal(proposal) => proposal.0.len(),
            EntryPayload::Blank | EntryPayload::Membership(_) => 0,
        };
        64 + content as u64
    }
}

/// The offset up to which the log was on disk when this record was written, if it says so.
pub(crate) fn proves_synced(record: &Record) -> Option<u64> {
    match record {
        WALRecord::Action(RaftLogAction::Append(_, body)) => Some(body.synced),
        WALRecord::Action(RaftLogAction::SaveVote(ballot)) => Some(ballot.synced),
        WALRecord::Checkpoint(state) => state.vote().map(|ballot| ballot.synced),
        WALRecord::Action(_) => None,
    }
}

/// Where an entry stands. 24 bytes: term, node and index, big endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(pub LogId);

impl Encode for Place {
    fn encode<W: io::Write>(&self, mut w: W) -> Result<usize, io::Error> {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.0.leader_id.term.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.0.leader_id.node_id.to_be_bytes());
        bytes[16..].copy_from_slice(&self.0.index.to_be_bytes());
        w.write_all(&bytes)?;
        Ok(bytes.len())
    }
}

impl Decode for Place {
    fn decode<R: io::Read>(mut r: R) -> Result<Self, io::Error> {
        let (term, node) = (number(&mut r)?, number(&mut r)?);
        Ok(Self(LogId::new(CommittedLeaderId::new(term, node), number(&mut r)?)))
    }
}

/// What an entry says.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    pub synced: u64,
    pub payload: EntryPayload<TypeConfig>,
}

impl Body {
    const BLANK: u8 = 0;
    const NORMAL: u8 = 1;
    const MEMBERSHIP: u8 = 2;

    /// The bytes of its content, or what is wrong with it. Checked before anything is written.
    pub(crate) fn check(payload: &EntryPayload<TypeConfig>) -> Result<(), usize> {
        match payload {
            EntryPayload::Normal(proposal) if proposal.0.len() > MAX_ENTRY_BYTES => Err(proposal.0.len()),
            _ => Ok(()),
        }
    }
}

/// Version, synced offset, kind, length and content.
impl Encode for Body {
    fn encode<W: io::Write>(&self, mut w: W) -> Result<usize, io::Error> {
        let membership;
        let (kind, content): (u8, &[u8]) = match &self.payload {
            EntryPayload::Blank => (Self::BLANK, &[]),
            EntryPayload::Normal(proposal) => (Self::NORMAL, &proposal.0),
            EntryPayload::Membership(config) => {
                membership = rmp_serde::to_vec_named(config).map_err(io::Error::other)?;
                (Self::MEMBERSHIP, &membership)
            }
        };
        let length = u32::try_from(content.len()).map_err(io::Error::other)?;
        let mut head = [0; 14];
        head[0] = VERSION;
        head[1..9].copy_from_slice(&self.synced.to_be_bytes());
        head[9] = kind;
        head[10..].copy_from_slice(&length.to_be_bytes());
        w.write_all(&head)?;
        w.write_all(content)?;
        Ok(head.len() + content.len())
    }
}

impl Decode for Body {
    fn decode<R: io::Read>(mut r: R) -> Result<Self, io::Error> {
        version(&mut r)?;
        let synced = number(&mut r)?;
        let mut head = [0; 5];
        r.read_exact(&mut head)?;
        let [kind, length @ ..] = head;
        let length = u32::from_be_bytes(length) as usize;
        if length > MAX_ENTRY_BYTES {
            return Err(invalid("an entry is longer than any that is written"));
        }
        let mut content = vec![0; length];
        r.read_exact(&mut content)?;
        let payload = match kind {
            Self::BLANK if content.is_empty() => EntryPayload::Blank,
            Self::NORMAL => EntryPayload::Normal(Proposal(Bytes::from(content))),
            Self::MEMBERSHIP => {
                let config: Membership<NodeId, Peer> =
                    rmp_serde::from_slice(&content).map_err(|error| invalid(&error.to_string()))?;
                EntryPayload::Membership(config)
            }
            _ => return Err(invalid("an entry is of no known kind")),
        };
        Ok(Self { synced, payload })
    }
}

/// Whom a node votes for, or follows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ballot {
    pub synced: u64,
    pub vote: Vote<NodeId>,
}

// When it was written says nothing about the vote.
impl PartialEq for Ballot {
    fn eq(&self, other: &Self) -> bool {
        self.vote == other.vote
    }
}

impl Eq for Ballot {}

impl PartialOrd for Ballot {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.vote.partial_cmp(&other.vote)
    }
}

/// Version, synced offset, term, node and whether a quorum has granted it.
impl Encode for Ballot {
    fn encode<W: io::Write>(&self, mut w: W) -> Result<usize, io::Error> {
        let mut bytes = [0; 26];
        bytes[0] = VERSION;
        bytes[1..9].copy_from_slice(&self.synced.to_be_bytes());
        bytes[9..17].copy_from_slice(&self.vote.leader_id.term.to_be_bytes());
        bytes[17..25].copy_from_slice(&self.vote.leader_id.node_id.to_be_bytes());
        bytes[25] = u8::from(self.vote.committed);
        w.write_all(&bytes)?;
        Ok(bytes.len())
    }
}

impl Decode for Ballot {
    fn decode<R: io::Read>(mut r: R) -> Result<Self, io::Error> {
        version(&mut r)?;
        let (synced, term, node) = (number(&mut r)?, number(&mut r)?, number(&mut r)?);
        let committed = match byte(&mut r)? {
            0 => false,
            1 => true,
            _ => return Err(invalid("a vote is neither granted nor not")),
        };
        Ok(Self { synced, vote: Vote { leader_id: LeaderId::new(term, node), committed } })
    }
}

fn version<R: io::Read>(r: &mut R) -> Result<(), io::Error> {
    match byte(r)? {
        VERSION => Ok(()),
        other => Err(invalid(&format!("version {other} of a record is not known to this software"))),
    }
}

fn byte<R: io::Read>(r: &mut R) -> Result<u8, io::Error> {
    let mut byte = [0; 1];
    r.read_exact(&mut byte)?;
    Ok(byte[0])
}

fn number<R: io::Read>(r: &mut R) -> Result<u64, io::Error> {
    let mut bytes = [0; 8];
    r.read_exact(&mut bytes)?;
    Ok(u64::from_be_bytes(bytes))
}

fn invalid(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
