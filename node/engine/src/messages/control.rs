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

/// Like [`Drain`], of one chain.
#[derive(Message, Clone, Copy)]
#[rtype(result = "()")]
pub(crate) struct DrainChain(pub usize);

/// Stop at once and commit nothing more: the chain is somebody else's.
#[derive(Message, Clone, Copy)]
#[rtype(result = "()")]
pub(crate) struct KillChain(pub usize);

/// Commit what has been read, then open the chain again: others carry out its shards now.
#[derive(Message, Clone, Copy)]
#[rtype(result = "()")]
pub(crate) struct RenewChain(pub usize);

/// Have all chains end at once, then stop: nobody wants to hear of them any more.
#[derive(Message, Clone, Copy)]
#[rtype(result = "()")]
pub(crate) struct Disband;
