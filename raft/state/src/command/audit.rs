use serde::{Deserialize, Serialize};

use super::apply::Apply;
use crate::limits::{MAX_NAME, MAX_TEXT, MAX_WORD, within};
use crate::moment::Moment;
use crate::parts::AuditEvent;
use crate::rejection::Rejection;
use crate::response::Response;
use crate::state::State;

/// Notes what somebody did. Answered by [`Response::Done`].
///
/// Has nothing to compare with: only a session makes a retry of it act once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordAudit {
    /// Who: a user's name, or a certificate's.
    pub actor: String,
    /// What, as a stable word such as `workflow.apply`.
    pub action: String,
    /// To what: a name or an id.
    pub subject: String,
    /// Anything a person may want to know, at most [`MAX_TEXT`] bytes.
    pub detail: String,
}

impl Apply for RecordAudit {
    fn apply(&self, state: &mut State, at: Moment) -> Result<Response, Rejection> {
        within("actor", self.actor.len(), MAX_WORD)?;
        within("action", self.action.len(), MAX_NAME)?;
        within("subject", self.subject.len(), MAX_TEXT)?;
        within("detail", self.detail.len(), MAX_TEXT)?;
        state.audit.record(AuditEvent {
            time_ms: at.time_ms,
            index: at.index,
            actor: self.actor.clone(),
            action: self.action.clone(),
            subject: self.subject.clone(),
            detail: self.detail.clone(),
        });
        Ok(Response::Done)
    }
}
