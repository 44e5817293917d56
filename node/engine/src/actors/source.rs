use std::sync::Arc;
use std::time::{Instant, SystemTime};

use actix::prelude::*;
use etl_model::{Position, StepName};
use etl_sdk::{Fetched, PartitionReader, failpoint};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::attempt::{Attempt, Farewell};
use super::destination::DestinationActor;
use super::processor::ProcessorActor;
use crate::EngineError;
use crate::budget::{ByteBudget, BytePermit};
use crate::guard::Guard;
use crate::limits::{Held, StepGate, admit};
use crate::messages::{Acknowledge, Arrival, Drain, ProcessChunk, Processed};
use crate::options::EXPANSION;
use crate::ports::Wait;
use crate::watch::{Sight, Watch};

/// Reads a partition chunk by chunk: the sequential half of a source, and the only one who takes byte permits.
pub(crate) struct SourceActor {
    pub attempt: Attempt,
    pub guard: Guard,
    pub source: StepName,
    pub watch: Watch,
    /// What is seen of the chain while this lives.
    pub sight: Arc<Sight>,
    /// `None` while a call into it is running.
    pub reader: Option<Box<dyn PartitionReader>>,
    pub processors: Vec<Addr<ProcessorActor>>,
    pub destinations: Vec<Addr<DestinationActor>>,
    pub budget: ByteBudget,
    /// One permit per chunk that is with the processors.
    pub slots: Arc<Semaphore>,
    pub chunk_bytes: usize,
    pub gate: Option<StepGate>,
    pub held: Held,
    /// The number of the next record.
    pub next: u64,
    pub seq: u64,
    pub draining: bool,
    /// Reads again when there may be something to read.
    pub idle: Option<SpawnHandle>,
    pub acknowledge: Option<Position>,
    pub farewell: Option<Farewell>,
}

#[derive(Message)]
#[rtype(result = "()")]
struct ReadNext;

enum Step {
    /// All records before this one are on their way.
    Sent(u64),
    /// The chain is to end, and waited for something that may take long.
    Ended,
    Idle(std::time::Duration),
    End(Position),
}

impl Actor for SourceActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.attempt.stop_on_kill(ctx);
        self.farewell = Some(self.attempt.farewell());
        ctx.notify(ReadNext);
    }
}

impl Handler<Drain> for SourceActor {
    type Result = ();

    fn handle(&mut self, _: Drain, ctx: &mut Self::Context) {
        self.draining = true;
        // One that waits for records, perhaps for hours, has nothing to finish.
        if let Some(waiting) = self.idle.take() {
            ctx.cancel_future(waiting);
            ctx.notify(ReadNext);
        }
    }
}

impl Handler<Acknowledge> for SourceActor {
    type Result = ();

    fn handle(&mut self, message: Acknowledge, _: &mut Self::Context) {
        self.acknowledge = Some(message.position);
    }
}

/// One turn: acknowledge what is durable, wait for room, fetch, hand over. Runs with the reader outside the actor, so
/// that control messages are handled meanwhile.
struct Turn {
    acknowledge: Option<Position>,
    guard: Guard,
    source: StepName,
    watch: Watch,
    sight: Arc<Sight>,
    budget: ByteBudget,
    slots: Arc<Semaphore>,
    chunk_bytes: usize,
    processor: Addr<ProcessorActor>,
    gate: Option<StepGate>,
    held: Held,
    ending: CancellationToken,
    next: u64,
    seq: u64,
}

impl Turn {
    async fn run(self, reader: &mut dyn PartitionReader) -> Result<Step, EngineError> {
        let closed = || EngineError::Internal("the chain's memory budget is gone".to_owned());
        let (gate, held, ending) = (self.gate.as_ref(), &self.held, &self.ending);
        if let Some(position) = self.acknowledge {
            let Some(admitted) = admit(gate, held, ending).await? else { return Ok(Step::Ended) };
            let acknowledged = self.guard.call("acknowledge", reader.acknowledge(&position)).await;
            admitted.conclude(&acknowledged);
            acknowledged?;
            self.guard.call("acknowledge", async { failpoint("source_acknowledged") }).await?;
        }
        let waiting = Instant::now();
        let slot = self.slots.acquire_owned().await.map_err(|_| closed())?;
        let reserved = self.budget.acquire(self.chunk_bytes * EXPANSION).await;
        let mut permit: BytePermit = reserved.ok_or_else(closed)?;
        self.watch.observer.waited(&self.source, Wait::Room, waiting.elapsed());
        let waiting = Instant::now();
        let Some(admitted) = admit(gate, held, ending).await? else { return Ok(Step::Ended) };
        if gate.is_some() {
            self.watch.observer.waited(&self.source, Wait::Limit, waiting.elapsed());
        }
        let (began, began_at) = (Instant::now(), SystemTime::now());
        let fetched = self.guard.call("next", reader.next()).await;
        let took = began.elapsed();
        admitted.conclude(&fetched);
        if let Err(error) = &fetched {
            self.watch.read_failed(&self.source, began_at, error);
        }
        let chunk = match fetched? {
            Fetched::Idle(pause) => return Ok(Step::Idle(pause)),
            Fetched::End(position) => return Ok(Step::End(position)),
            Fetched::Chunk(chunk) => chunk,
        };
        self.guard.call("next", async { failpoint("chunk_read") }).await?;
        self.budget.resize(&mut permit, chunk.memory() * EXPANSION).await.ok_or_else(closed)?;
        let next = chunk.end().next;
        let records = next.saturating_sub(self.next);
        let origin = self.watch.begin(&self.source, (began_at, took), records, chunk.source_bytes());
        if let Some(gate) = gate {
            // What is not passed on will be read again.
            tokio::select! {
                biased;
                passed = gate.pass(records, chunk.source_bytes()) => passed?,
                () = ending.cancelled() => return Ok(Step::Ended),
            }
        }
        self.sight.begins(origin);
        let sent = self.processor.send(ProcessChunk { seq: self.seq, chunk, origin, permit, slot }).await;
        sent.map_err(|error| EngineError::Internal(format!("processor: {error}")))?;
        Ok(Step::Sent(next))
    }
}

impl SourceActor {
    fn end(&mut self, done: Option<Position>, ctx: &mut Context<Self>) {
        let seq = self.seq;
        let sends: Vec<_> = self
            .destinations
            .iter()
            .map(|destination| {
                destination.send(Processed { seq, arrival: Arrival::End { done: done.clone() } })
            })
            .collect();
        let sent = futures::future::join_all(sends).into_actor(self);
        ctx.spawn(sent.map(|results, actor: &mut Self, _| {
            if let Some(error) = results.into_iter().find_map(Result::err) {
                actor.attempt.fail(EngineError::Internal(format!("destination: {error}")));
            }
        }));
    }
}

impl Handler<ReadNext> for SourceActor {
    type Result = ();

    fn handle(&mut self, _: ReadNext, ctx: &mut Self::Context) {
        self.idle = None;
        let Some(mut reader) = self.reader.take() else { return };
        if self.draining {
            self.reader = Some(reader);
            return self.end(None, ctx);
        }
        let turn = Turn {
            acknowledge: self.acknowledge.take(),
            guard: self.guard.clone(),
            source: self.source.clone(),
            watch: self.watch.clone(),
            sight: Arc::clone(&self.sight),
            budget: self.budget.clone(),
            slots: Arc::clone(&self.slots),
            chunk_bytes: self.chunk_bytes,
            processor: self.processors[self.seq as usize % self.processors.len()].clone(),
            gate: self.gate.clone(),
            held: self.held.clone(),
            ending: self.attempt.ending.clone(),
            next: self.next,
            seq: self.seq,
        };
        let work = async move {
            let step = turn.run(reader.as_mut()).await;
            (reader, step)
        };
        let work = work.instrument(self.attempt.span.clone());
        ctx.spawn(work.into_actor(self).map(|(reader, step), actor, ctx| {
            actor.reader = Some(reader);
            match step {
                Ok(Step::Ended) => actor.end(None, ctx),
                Ok(Step::Sent(next)) => {
                    actor.next = next;
                    actor.seq += 1;
                    ctx.notify(ReadNext);
                }
                Ok(Step::Idle(pause)) => actor.idle = Some(ctx.notify_later(ReadNext, pause)),
                Ok(Step::End(position)) => actor.end(Some(position), ctx),
                Err(error) => actor.attempt.fail(error),
            }
        }));
    }
}
