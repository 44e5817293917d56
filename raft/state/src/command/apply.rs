use crate::moment::Moment;
use crate::rejection::Rejection;
use crate::response::Response;
use crate::state::State;

/// One command's rule: check every guard, then change the state or refuse.
///
/// Total and deterministic: what it does depends on the command, the state and the moment alone. A refusal has changed
/// nothing.
pub(crate) trait Apply {
    /// The cluster's feature level from which on it may be used.
    fn feature_level(&self) -> u32 {
        1
    }

    /// Carries it out.
    fn apply(&self, state: &mut State, at: Moment) -> Result<Response, Rejection>;
}
