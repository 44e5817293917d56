use actix::prelude::*;
use etl_model::Position;

/// Stop reading, commit what has been read, then end.
#[derive(Message, Clone, Copy)]
#[rtype(result = "()")]
pub(crate) struct Drain;

/// To the source: everything before the position is durable everywhere and checkpointed.
#[derive(Message, Clone)]
#[rtype(result = "()")]
pub(crate) struct Acknowledge {
    pub position: Position,
}
