use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use etl_model::{Marker, OnError, Position, RecordError, Route, Unit};
use etl_sdk::{RouteWriter, failpoint};

use super::attempt::{Attempt, Farewell};
use super::open_unit::{OpenUnit, UnitLimits};
use crate::EngineError;
use crate::chain::Part;
use crate::guard::Guard;
use crate::messages::{Arrival, Processed, RouteEnded, UnitCommitted};
use crate::ports::{DeadLetter, DeadLetters};
use crate::progress::Progress;
use crate::sequencer::Sequencer;

/// How often a waiting unit is looked at, for `commit_interval`.
const TICK: Duration = Duration::from_millis(50);

/// Writes the rows of one route in order and commits units with their marker: stage, dead letters, commit.
pub(crate) struct DestinationActor {
    pub attempt: Attempt,
    pub output: usize,
    pub route: Route,
    pub on_error: OnError,
    pub guard: Guard,
    pub limits: UnitLimits,
    /// Whether rows stay in memory until the commit.
    pub holds_rows: bool,
    pub dead_letters: Arc<dyn DeadLetters>,
    /// Whether any step of this chain sets records aside.
    pub keeps_letters: bool,
    pub progress: Arc<Progress>,
    /// `None` while a call into it is running.
    pub writer: Option<Box<dyn RouteWriter>>,
    pub marker: Marker,
    pub sequencer: Sequencer<Arrival>,
    pub ready: VecDeque<Arrival>,
    pub unit: OpenUnit,
    pub farewell: Option<Farewell>,
}

impl Actor for DestinationActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.attempt.stop_on_kill(ctx);
        self.farewell = Some(self.attempt.farewell());
        ctx.run_interval(TICK.min(self.limits.interval), |actor, ctx| actor.pump(ctx));
    }
}

impl Handler<Processed> for DestinationActor {
    type Result = ();

    fn handle(&mut self, message: Processed, ctx: &mut Self::Context) {
        self.ready.extend(self.sequencer.push(message.seq, message.arrival));
        self.pump(ctx);
    }
}

async fn write(guard: &Guard, writer: &mut dyn RouteWriter, part: &mut Part) -> Result<(), EngineError> {
    for rows in std::mem::take(&mut part.rows) {
        guard.call("write", writer.write(rows)).await?;
    }
    Ok(())
}

/// What a destination needs to commit a unit while the actor goes on receiving.
struct Commit {
    guard: Guard,
    route: Route,
    on_error: OnError,
    dead_letters: Arc<dyn DeadLetters>,
    keeps_letters: bool,
    letters: Vec<DeadLetter>,
    unit: Unit,
}

impl Commit {
    /// Applies `on_error` to the rows that the destination refused, correcting the unit's counters.
    fn refuse(&mut self, rejected: Vec<RecordError>) -> Result<(), EngineError> {
        let step = &self.route.destination;
        for error in rejected {
            let counters = &mut self.unit.marker.counters;
            counters.delivered = counters.delivered.saturating_sub(1);
            match self.on_error {
                OnError::Fail => {
                    return Err(EngineError::Record { step: step.clone(), error: Box::new(error) });
                }
                OnError::DeadLetter => {
                    counters.dead_lettered += 1;
                    self.letters.push(DeadLetter { step: step.clone(), error });
                }
                OnError::Skip => counters.failed += 1,
            }
        }
        Ok(())
    }

    /// Stage, dead letters, commit. The letters are durable before the marker that makes them count.
    async fn run(mut self, writer: &mut dyn RouteWriter) -> Result<Marker, EngineError> {
        let rejected = self.guard.call("stage", writer.stage(&self.unit)).await?;
        self.refuse(rejected)?;
        let counters = &self.unit.marker.counters;
        if !counters.balanced() {
            return Err(EngineError::Unbalanced {
                route: self.route.to_string(),
                read: counters.read,
                accounted: counters.delivered + counters.filtered + counters.dead_lettered + counters.failed,
            });
        }
        if self.keeps_letters {
            let (store, route) = (Arc::clone(&self.dead_letters), self.route.clone());
            let (run, seq, letters) = (self.unit.marker.run, self.unit.marker.seq, self.letters);
            let put = tokio::task::spawn_blocking(move || store.put(run, &route, seq, &letters));
            put.await.map_err(|error| EngineError::Internal(format!("dead letters: {error}")))??;
            self.guard.call("commit", async { failpoint("dead_letters_written") }).await?;
        }
        self.guard.call("commit", writer.commit(&self.unit)).await?;
        Ok(self.unit.marker)
    }
}

impl DestinationActor {
    /// Starts the next call into the writer, if it is free and there is something to do.
    fn pump(&mut self, ctx: &mut Context<Self>) {
        if self.writer.is_none() {
            return;
        }
        if self.unit.is_due(&self.limits) {
            return self.commit(None, ctx);
        }
        match self.ready.pop_front() {
            Some(Arrival::Part { part, permit }) => self.write(part, permit, ctx),
            Some(Arrival::Failed { error }) => {
                self.attempt.fail(error.clone());
                // Stays in front until the chain is killed: what follows must never be committed past it.
                self.ready.push_front(Arrival::Failed { error });
            }
            Some(Arrival::End { done }) if self.unit.is_empty() && (done.is_none() || self.marker.done) => {
                self.ended(ctx);
            }
            Some(Arrival::End { done }) => {
                self.ready.push_front(Arrival::End { done: None });
                self.commit(done, ctx);
            }
            None => {}
        }
    }

    fn write(&mut self, mut part: Part, permit: Arc<crate::budget::BytePermit>, ctx: &mut Context<Self>) {
        let covered = match (&part.end, &self.marker.position) {
            (Some(end), Some(position)) => end.next <= position.next,
            _ => false,
        };
        if covered {
            return ctx.notify(Pump);
        }
        let Some(mut writer) = self.writer.take() else { return };
        let guard = self.guard.clone();
        let bytes = part.memory();
        let work = async move {
            let result = write(&guard, writer.as_mut(), &mut part).await;
            (writer, part, result)
        };
        ctx.spawn(work.into_actor(self).map(move |(writer, part, result), actor, ctx| {
            actor.writer = Some(writer);
            if let Err(error) = result {
                return actor.attempt.fail(error);
            }
            actor.progress.written(&actor.route, &part.counters, bytes);
            let held = actor.holds_rows.then_some(permit);
            actor.unit.add(part.counters, part.end, part.letters, bytes, held);
            actor.pump(ctx);
        }));
    }

    fn commit(&mut self, end: Option<Position>, ctx: &mut Context<Self>) {
        let Some(mut writer) = self.writer.take() else { return };
        let unit = self.unit.unit(&self.marker, end.as_ref());
        // Replaced only after the commit: its permits keep counting while the rows are in memory.
        let letters = std::mem::take(&mut self.unit.letters);
        let commit = Commit {
            guard: self.guard.clone(),
            route: self.route.clone(),
            on_error: self.on_error,
            dead_letters: Arc::clone(&self.dead_letters),
            keeps_letters: self.keeps_letters,
            letters,
            unit,
        };
        let work = async move {
            let result = commit.run(writer.as_mut()).await;
            (writer, result)
        };
        ctx.spawn(work.into_actor(self).map(|(writer, result), actor, ctx| match result {
            Ok(marker) => {
                actor.writer = Some(writer);
                actor.unit = OpenUnit::default();
                actor.marker = marker.clone();
                actor.progress.committed(&actor.route, &marker);
                let (chain, attempt) = (actor.attempt.chain, actor.attempt.number);
                let committed = UnitCommitted { chain, attempt, output: actor.output, marker };
                actor.attempt.supervisor.do_send(committed);
                actor.pump(ctx);
            }
            Err(error) => actor.attempt.fail(error),
        }));
    }

    fn ended(&mut self, ctx: &mut Context<Self>) {
        let (chain, attempt) = (self.attempt.chain, self.attempt.number);
        self.attempt.supervisor.do_send(RouteEnded { chain, attempt, output: self.output });
        ctx.stop();
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Pump;

impl Handler<Pump> for DestinationActor {
    type Result = ();

    fn handle(&mut self, _: Pump, ctx: &mut Self::Context) {
        self.pump(ctx);
    }
}
