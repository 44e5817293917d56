use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::apply::Apply;
use crate::limits::{self, MAX_CREDENTIAL, MAX_ROLES, within};
use crate::moment::Moment;
use crate::parts::User;
use crate::rejection::{Kind, Rejection};
use crate::response::Response;
use crate::state::State;

/// Stores a user. Answered by [`Response::Stored`]. Refused: when its version is not the expected one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutUser {
    pub name: String,
    /// What proves who they are, hashed by whoever proposes; opaque here, at most [`MAX_CREDENTIAL`] bytes.
    #[serde(with = "serde_bytes")]
    pub credential: Vec<u8>,
    pub roles: BTreeSet<String>,
    /// 0 for "does not exist", absent for "whatever it is".
    pub expected_version: Option<u64>,
}

/// Forgets a user. Answered by [`Response::Done`]. Refused: when its version is not the expected one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteUser {
    pub name: String,
    /// Absent for "whatever it is".
    pub expected_version: Option<u64>,
}

impl std::fmt::Debug for PutUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PutUser")
            .field("name", &self.name)
            .field("credential", &format_args!("{} bytes", self.credential.len()))
            .field("roles", &self.roles)
            .field("expected_version", &self.expected_version)
            .finish()
    }
}

impl Apply for PutUser {
    fn apply(&self, state: &mut State, at: Moment) -> Result<Response, Rejection> {
        limits::name("user name", &self.name)?;
        within("credential", self.credential.len(), MAX_CREDENTIAL)?;
        within("number of roles", self.roles.len(), MAX_ROLES)?;
        self.roles.iter().try_for_each(|role| limits::name("role name", role))?;
        let known = state.users.get(&self.name).map_or(0, |known| known.version);
        Kind::User.expect_version(&self.name, self.expected_version, known)?;
        let user = User {
            version: at.index,
            changed_at_ms: at.time_ms,
            credential: self.credential.clone(),
            roles: self.roles.clone(),
        };
        state.users.set(&self.name, user);
        Ok(Response::Stored { version: at.index })
    }
}

impl Apply for DeleteUser {
    fn apply(&self, state: &mut State, _at: Moment) -> Result<Response, Rejection> {
        let Some(known) = state.users.get(&self.name) else {
            return Err(Kind::User.not_found(&self.name));
        };
        Kind::User.expect_version(&self.name, self.expected_version, known.version)?;
        state.users.remove(&self.name);
        Ok(Response::Done)
    }
}
