use actix::prelude::*;
use etl_model::Marker;

use crate::EngineError;

/// Destination to supervisor: a unit is durable.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct UnitCommitted {
    pub chain: usize,
    pub attempt: u32,
    pub output: usize,
    pub marker: Marker,
}

/// Destination to supervisor: the route's last unit of this attempt is durable.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct RouteEnded {
    pub chain: usize,
    pub attempt: u32,
    pub output: usize,
}

/// Any actor of a chain to the supervisor: the chain cannot go on.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct ChainFailed {
    pub chain: usize,
    pub attempt: u32,
    pub error: EngineError,
}

/// Any actor of a chain to the supervisor, as its last word: it holds nothing any more.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct ActorGone {
    pub chain: usize,
    pub attempt: u32,
}

/// Supervisor to workflow or crew: how a chain ended for good.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) enum ChainEvent {
    /// Every route is done, or drained if one of the markers is not done.
    Ended { chain: usize, markers: Vec<Marker>, attempts: u32 },
    /// It was to end, and could not be opened or failed in a way that may go away. Markers are those it has seen.
    Withdrawn { chain: usize, markers: Vec<Option<Marker>> },
    /// It cannot be reopened.
    Failed { chain: usize, error: EngineError, markers: Vec<Option<Marker>> },
    /// It was killed; what was not committed is not.
    Killed { chain: usize },
}
