use std::process;
use std::thread;

use etl_raft_state::{Envelope, Response, State};
use openraft::{Entry, EntryPayload, StoredMembership};

use super::database::Changes;
use super::position::Position;
use crate::Error;
use crate::type_config::{LogId, NodeId, Peer, TypeConfig};

/// The state in memory, and what it is the state of.
#[derive(Clone)]
pub(super) struct Current {
    pub state: State,
    pub position: Position,
}

/// What an application of entries leaves to be done.
pub(super) struct Applied {
    pub responses: Vec<Response>,
    pub changes: Changes,
    pub applied: Option<LogId>,
    /// The membership, if it has changed.
    pub membership: Option<StoredMembership<NodeId, Peer>>,
}

impl Current {
    /// Applies committed entries.
    ///
    /// # Errors
    /// The entry, and [`Error::Encoding`] when it cannot be read. Skipping it would let this node diverge from the others,
    /// so nothing may be applied any more; the entries before it have been.
    pub(super) fn apply(
        &mut self,
        entries: impl IntoIterator<Item = Entry<TypeConfig>>,
    ) -> Result<Applied, (LogId, Error)> {
        let _half_applied = AbortOnPanic;
        let mut responses = Vec::new();
        let mut membership = None;
        for Entry { log_id, payload } in entries {
            responses.push(match payload {
                EntryPayload::Blank => Response::Done,
                EntryPayload::Normal(proposal) => {
                    let envelope =
                        Envelope::decode(&proposal.0).map_err(|error| (log_id, Error::Encoding(error)))?;
                    self.state.apply(log_id.index, &envelope)
                }
                EntryPayload::Membership(config) => {
                    let stored = StoredMembership::new(Some(log_id), config);
                    self.position.membership = stored.clone();
                    membership = Some(stored);
                    Response::Done
                }
            });
            self.position.applied = Some(log_id);
        }
        let changes = self.state.take_changes();
        Ok(Applied { responses, changes, applied: self.position.applied, membership })
    }
}

/// A state that is half changed must never be read, nor be the base of what comes next.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            tracing::error!("applying a committed entry has failed in the middle; the process ends");
            process::abort();
        }
    }
}
