use etl_model::{Shard, StepName, WorkflowName};
use uuid::Uuid;

use crate::RelayError;

/// Reads 16 bytes.
pub(crate) fn uuid(what: &'static str, bytes: &[u8]) -> Result<Uuid, RelayError> {
    Uuid::from_slice(bytes).map_err(|error| RelayError::malformed(what, error))
}

/// Reads the name of a step.
pub(crate) fn step_name(what: &'static str, name: String) -> Result<StepName, RelayError> {
    StepName::try_from(name).map_err(|error| RelayError::malformed(what, error))
}

/// Reads a shard.
pub(crate) fn shard(what: &'static str, text: Option<String>) -> Result<Option<Shard>, RelayError> {
    text.map(Shard::try_from).transpose().map_err(|error| RelayError::malformed(what, error))
}

/// Reads the name of a workflow.
pub(super) fn workflow_name(what: &'static str, name: String) -> Result<WorkflowName, RelayError> {
    WorkflowName::try_from(name).map_err(|error| RelayError::malformed(what, error))
}
