use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::command::Command;
use crate::encoding;
use crate::encoding_error::EncodingError;

const VERSION: u8 = 1;
const WHAT: &str = "a command";

/// What an entry of the log holds: a command, when it was proposed, and for whom.
///
/// Encoded as one version byte and MessagePack with names. Fields and commands that the reader does not know are
/// refused, so that a node which is too old stops instead of diverging.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// The leader's clock at proposing, in milliseconds since 1970; 0 in a proposal that has not reached the leader yet.
    pub time_ms: u64,
    /// Makes a command that is sent again act once; absent when acting twice is harmless.
    pub session: Option<Session>,
    /// What to do.
    pub command: Command,
}

/// Which command of which client this is. Of the same `client` and `seq` only the first acts; the others get its answer
/// (Ongaro, "Consensus: Bridging Theory and Practice", §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// Chosen at random by whoever retries.
    pub client: Uuid,
    /// Counts the client's commands.
    pub seq: u64,
    /// The client has the answers of all commands below and will not ask again.
    pub acknowledged_below: u64,
}

impl Envelope {
    /// The bytes for the log.
    pub fn encode(&self) -> Result<Vec<u8>, EncodingError> {
        encoding::encode(WHAT, VERSION, self)
    }

    /// Reads what `encode` wrote. [`EncodingError::needs_upgrade`] tells damage from a command of newer software.
    pub fn decode(bytes: &[u8]) -> Result<Self, EncodingError> {
        encoding::decode(WHAT, VERSION, bytes)
    }
}
