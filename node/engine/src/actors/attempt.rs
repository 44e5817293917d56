use actix::prelude::*;
use tokio_util::sync::CancellationToken;
use tracing::Span;

use super::SupervisorActor;
use crate::EngineError;
use crate::messages::{ActorGone, ChainFailed};

/// The identity of one attempt at a chain, shared by its actors. Dropping the last word of an actor (its [`Farewell`])
/// tells the supervisor that it is gone, also when it panicked.
#[derive(Clone)]
pub(crate) struct Attempt {
    pub chain: usize,
    pub number: u32,
    pub kill: CancellationToken,
    /// Cancelled when the chain is to commit what it has read and end.
    pub ending: CancellationToken,
    pub supervisor: Addr<SupervisorActor>,
    /// Names what is worked on to all that is logged meanwhile.
    pub span: Span,
}

impl Attempt {
    /// Reports that the chain cannot go on. The supervisor kills the whole chain.
    pub fn fail(&self, error: EngineError) {
        self.supervisor.do_send(ChainFailed { chain: self.chain, attempt: self.number, error });
    }

    /// To be held by an actor for as long as it lives.
    pub fn farewell(&self) -> Farewell {
        Farewell(self.clone())
    }

    /// Stops the actor when the chain is killed.
    pub fn stop_on_kill<A: Actor<Context = Context<A>>>(&self, ctx: &mut Context<A>) {
        let kill = self.kill.clone();
        let killed = fut::wrap_future::<_, A>(async move { kill.cancelled().await });
        ctx.spawn(killed.map(|(), _, ctx: &mut Context<A>| ctx.stop()));
    }
}

/// Sends [`ActorGone`] when dropped.
pub(crate) struct Farewell(Attempt);

impl Drop for Farewell {
    fn drop(&mut self) {
        // Unbounded sending is right here: one message per actor, and a dropped one would leave the supervisor waiting.
        self.0.supervisor.do_send(ActorGone { chain: self.0.chain, attempt: self.0.number });
    }
}
