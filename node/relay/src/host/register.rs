use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use etl_model::RunId;
use etl_sdk::ConnectorError;
use uuid::Uuid;

use super::session::Session;
use crate::channel::{ChannelId, OfPartition};
use crate::settings::RelaySettings;

/// The channels of this host, and who of them writes for which partition.
#[derive(Default)]
pub(super) struct Register(Mutex<Table>);

#[derive(Default)]
struct Table {
    /// By attempt.
    sessions: HashMap<Uuid, Arc<Session>>,
    /// The newest channel that claims a partition for a step.
    claims: HashMap<Claimed, Uuid>,
    stopping: bool,
}

/// A step of a run, and the partition it is done for.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Claimed(Uuid, etl_model::StepName, OfPartition);

/// What an opening leads to.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// The channel is known: another stream for it.
    Resumes,
    /// A new channel.
    Begins,
    /// A new channel, which ends the one that claims its partition.
    TakesOver,
    /// The partition has been claimed for a later epoch.
    Outdated { found: u64 },
    /// It was accepted once, and is not known any more.
    Forgotten,
}

/// Decides about an opening, given whether its attempt is known and the epoch for which its partition is claimed.
fn judge(epoch: u64, resumed: bool, is_known: bool, claimed: Option<u64>) -> Verdict {
    match claimed {
        _ if is_known => Verdict::Resumes,
        _ if resumed => Verdict::Forgotten,
        Some(found) if found > epoch => Verdict::Outdated { found },
        Some(_) => Verdict::TakesOver,
        None => Verdict::Begins,
    }
}

/// A channel that may go on.
pub(super) enum Admitted {
    /// It was here before.
    Known(Arc<Session>),
    /// It is new, and must wait until the one that it has taken over from has let go.
    New(Arc<Session>, Option<Arc<Session>>),
}

fn claimed(id: &ChannelId) -> Option<Claimed> {
    let partition = id.partition.as_ref().filter(|_| id.epoch > 0)?;
    Some(Claimed(id.run, id.step.clone(), partition.clone()))
}

impl Register {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds or makes the session of an opening.
    pub fn admit(
        &self,
        id: ChannelId,
        resumed: bool,
        settings: &RelaySettings,
    ) -> Result<Admitted, ConnectorError> {
        let mut table = self.table();
        if table.stopping {
            return Err(stopping(&id));
        }
        let known = table.sessions.get(&id.attempt).cloned();
        if let Some(known) = known.as_ref().filter(|known| known.id != id) {
            let message = format!("{id}: its attempt is that of the {}", known.id);
            return Err(ConnectorError::transient("relay_protocol", message));
        }
        let claim = claimed(&id);
        let holder = claim.as_ref().and_then(|claim| table.claims.get(claim));
        let holder = holder.and_then(|holder| table.sessions.get(holder)).cloned();
        let epoch = holder.as_ref().map(|holder| holder.id.epoch);
        match (judge(id.epoch, resumed, known.is_some(), epoch), known) {
            (Verdict::Resumes, Some(known)) => Ok(Admitted::Known(known)),
            (Verdict::Outdated { found }, _) => Err(outdated(&id, found)),
            (Verdict::Forgotten, _) | (Verdict::Resumes, None) => {
                let message = format!(
                    "{id}: it is not known here any more, because the node was restarted or the grace time is over"
                );
                Err(ConnectorError::transient("relay_forgotten", message))
            }
            (Verdict::Begins | Verdict::TakesOver, _) => {
                let session = Arc::new(Session::new(id, settings));
                if let Some(claim) = claim {
                    table.claims.insert(claim, session.id.attempt);
                }
                table.sessions.insert(session.id.attempt, Arc::clone(&session));
                drop(table);
                if let Some(holder) = &holder {
                    holder.fail(replaced(&holder.id, session.id.epoch));
                }
                Ok(Admitted::New(session, holder))
            }
        }
    }

    /// Forgets a channel.
    pub fn remove(&self, session: &Session) {
        let mut table = self.table();
        table.sessions.remove(&session.id.attempt);
        if let Some(claim) = claimed(&session.id)
            && table.claims.get(&claim) == Some(&session.id.attempt)
        {
            table.claims.remove(&claim);
        }
    }

    /// Ends all channels and admits none any more. Returns those that were there.
    pub fn stop(&self) -> Vec<Arc<Session>> {
        let sessions: Vec<_> = {
            let mut table = self.table();
            table.stopping = true;
            table.sessions.values().cloned().collect()
        };
        for session in &sessions {
            session.fail(stopping(&session.id));
        }
        sessions
    }
}

fn stopping(id: &ChannelId) -> ConnectorError {
    ConnectorError::transient("relay_stopping", format!("{id}: the node is stopping"))
}

fn outdated(id: &ChannelId, found: u64) -> ConnectorError {
    ConnectorError::Fenced {
        place: id.to_string(),
        found,
        held: id.epoch,
        run: RunId::from(id.run).to_string(),
    }
}

/// What the older of two channels is told. Of the same epoch, it is another attempt of the same owner.
fn replaced(id: &ChannelId, epoch: u64) -> ConnectorError {
    if epoch > id.epoch {
        return outdated(id, epoch);
    }
    ConnectorError::transient("relay_replaced", format!("{id}: a newer attempt has taken over"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_epoch_wins_and_what_is_known_goes_on() {
        assert_eq!(judge(3, true, true, Some(9)), Verdict::Resumes, "it has been told that it has ended");
        assert_eq!(judge(3, true, false, None), Verdict::Forgotten);
        assert_eq!(judge(3, false, false, None), Verdict::Begins);
        assert_eq!(judge(3, false, false, Some(2)), Verdict::TakesOver);
        assert_eq!(judge(3, false, false, Some(3)), Verdict::TakesOver);
        assert_eq!(judge(3, false, false, Some(4)), Verdict::Outdated { found: 4 });
    }
}
