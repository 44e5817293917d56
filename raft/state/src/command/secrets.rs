use serde::{Deserialize, Serialize};

use super::apply::Apply;
use crate::limits::{self, MAX_SECRET, within};
use crate::moment::Moment;
use crate::parts::Secret;
use crate::rejection::{Kind, Rejection};
use crate::response::Response;
use crate::state::State;

/// Stores a secret, sealed by whoever proposes: log, snapshots and backups hold the envelope only. Answered by
/// [`Response::Stored`]. Refused: when its version is not the expected one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutSecret {
    pub name: String,
    /// Opaque here; at most [`MAX_SECRET`] bytes.
    #[serde(with = "serde_bytes")]
    pub envelope: Vec<u8>,
    /// 0 for "it does not exist", absent for "whatever it is".
    pub expected_version: Option<u64>,
}

/// Forgets a secret. Answered by [`Response::Done`]. Refused: when its version is not the expected one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteSecret {
    pub name: String,
    /// Absent for "whatever it is".
    pub expected_version: Option<u64>,
}

impl std::fmt::Debug for PutSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PutSecret")
            .field("name", &self.name)
            .field("envelope", &format_args!("{} bytes", self.envelope.len()))
            .field("expected_version", &self.expected_version)
            .finish()
    }
}

impl Apply for PutSecret {
    fn apply(&self, state: &mut State, at: Moment) -> Result<Response, Rejection> {
        limits::name("secret name", &self.name)?;
        within("secret", self.envelope.len(), MAX_SECRET)?;
        let known = state.secrets.get(&self.name).map_or(0, |known| known.version);
        Kind::Secret.expect_version(&self.name, self.expected_version, known)?;
        let secret = Secret { version: at.index, changed_at_ms: at.time_ms, envelope: self.envelope.clone() };
        state.secrets.set(&self.name, secret);
        Ok(Response::Stored { version: at.index })
    }
}

impl Apply for DeleteSecret {
    fn apply(&self, state: &mut State, _at: Moment) -> Result<Response, Rejection> {
        let Some(known) = state.secrets.get(&self.name) else {
            return Err(Kind::Secret.not_found(&self.name));
        };
        Kind::Secret.expect_version(&self.name, self.expected_version, known.version)?;
        state.secrets.remove(&self.name);
        Ok(Response::Done)
    }
}
