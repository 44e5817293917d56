use std::sync::Arc;
use std::time::Instant;

use actix::prelude::*;
use tokio::sync::Semaphore;

use super::attempt::{Attempt, Farewell};
use super::destination::DestinationActor;
use crate::EngineError;
use crate::chain::{ChainPlan, Outlets, Outside, Turn, process};
use crate::limits::Held;
use crate::messages::{Arrival, ProcessChunk, Processed};
use crate::ports::Wait;
use crate::taps::ChainTaps;

/// Decodes, transforms and encodes chunks on blocking threads. Several work for one chain; the destinations restore
/// the order. How many chunks are here at once is bounded by the slots that the source takes.
pub(crate) struct ProcessorActor {
    pub attempt: Attempt,
    pub plan: Arc<ChainPlan>,
    pub outlets: Arc<Outlets>,
    pub destinations: Vec<Addr<DestinationActor>>,
    /// One permit per thread that computes, over all chains of the process.
    pub threads: Arc<Semaphore>,
    pub taps: ChainTaps,
    pub held: Held,
    pub farewell: Option<Farewell>,
}

impl Actor for ProcessorActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.attempt.stop_on_kill(ctx);
        self.farewell = Some(self.attempt.farewell());
    }
}

impl Handler<ProcessChunk> for ProcessorActor {
    type Result = ();

    fn handle(&mut self, message: ProcessChunk, ctx: &mut Self::Context) {
        let (plan, outlets) = (Arc::clone(&self.plan), Arc::clone(&self.outlets));
        let threads = Arc::clone(&self.threads);
        let (destinations, taps) = (self.destinations.clone(), self.taps.clone());
        let (held, ending) = (self.held.clone(), self.attempt.ending.clone());
        let (watch, source) = (self.plan.watch.clone(), self.plan.source.name.clone());
        let work = async move {
            let ProcessChunk { seq, chunk, origin, mut permit, slot } = message;
            let waiting = Instant::now();
            let mut turn = Turn::take(threads).await;
            watch.observer.waited(&source, Wait::Thread, waiting.elapsed());
            let computed = tokio::task::spawn_blocking(move || {
                let outside = Outside { turn: &mut turn, held: &held, ending: &ending };
                process(&plan, &outlets, chunk, origin, &taps, outside)
            });
            let parts = match computed.await {
                Ok(parts) => parts,
                Err(error) => Err(EngineError::Internal(format!("processor: {error}"))),
            };
            let arrivals: Vec<Arrival> = match parts {
                Ok(parts) => {
                    permit.shrink(parts.iter().map(|part| part.memory()).sum());
                    let permit = Arc::new(permit);
                    let part = |part| Arrival::Part { part, permit: Arc::clone(&permit), origin };
                    parts.into_iter().map(part).collect()
                }
                Err(EngineError::Ending) => destinations.iter().map(|_| Arrival::Cut).collect(),
                Err(error) => destinations.iter().map(|_| Arrival::Failed { error: error.clone() }).collect(),
            };
            for (destination, arrival) in destinations.iter().zip(arrivals) {
                let sent = destination.send(Processed { seq, arrival }).await;
                sent.map_err(|error| EngineError::Internal(format!("destination: {error}")))?;
            }
            drop(slot);
            Ok(())
        };
        ctx.spawn(work.into_actor(self).map(|result: Result<(), EngineError>, actor, _| {
            if let Err(error) = result {
                actor.attempt.fail(error);
            }
        }));
    }
}
