use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use etl_model::{Marker, OnError, Position, RecordError, Route, StepName, Unit};
use etl_sdk::{Account, RouteWriter, StepError, failpoint};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::attempt::{Attempt, Farewell};
use super::open_unit::{OpenUnit, UnitLimits};
use super::slots::{Slot, Slots};
use crate::EngineError;
use crate::chain::Part;
use crate::guard::Guard;
use crate::limits::{Admitted, Held, StepGate, admit};
use crate::messages::{Arrival, Processed, RouteEnded, UnitCommitted};
use crate::ports::{Committed, DeadLetter, DeadLetters, Operation, Wait};
use crate::progress::Progress;
use crate::sequencer::Sequencer;
use crate::watch::{Origin, Sight, Watch};

/// How often an open unit is looked at, for `commit_interval`.
const TICK: Duration = Duration::from_millis(50);
/// The longest time that the first row of a route waits which goes on after a failure or elsewhere: what is delivered again soon is
/// known to go on.
const FIRST: Duration = Duration::from_millis(50);

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
    pub watch: Watch,
    pub sight: Arc<Sight>,
    /// `None` while a call into it is running.
    pub writer: Option<Box<dyn RouteWriter>>,
    /// Whose turn it is to have a unit open.
    pub slots: Slots,
    /// Held from the first rows of a unit to its commit.
    pub slot: Option<Slot>,
    /// What is awaited before the writer is called, and before rows pass.
    pub gate: Option<StepGate>,
    pub held: Held,
    /// How far the first rows that wait have come at a rate limit.
    pub toll: Toll,
    /// Set when the chain is to end and this waited for something that may take long.
    pub cut: Option<Cut>,
    pub marker: Marker,
    pub sequencer: Sequencer<Arrival>,
    pub ready: VecDeque<Arrival>,
    pub unit: OpenUnit,
    /// Whether it goes on behind what others have committed, and has not committed yet.
    pub goes_on: bool,
    /// Whether it will look at its unit again.
    pub is_ticking: bool,
    /// Shared with what goes on after its end.
    pub farewell: Option<Arc<Farewell>>,
}

/// How the first rows that wait stand at a rate limit. Before they pass, the writer is free to commit what it has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Toll {
    #[default]
    Due,
    Asked,
    Paid,
}

/// How a chain that is to end is cut off. What was not written or committed will be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// What is written is committed.
    Commit,
    /// The destination must not be called.
    Abandon,
}

impl Actor for DestinationActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.attempt.stop_on_kill(ctx);
        self.farewell = Some(Arc::new(self.attempt.farewell()));
        self.pump(ctx);
    }
}

impl Handler<Processed> for DestinationActor {
    type Result = ();

    fn handle(&mut self, message: Processed, ctx: &mut Self::Context) {
        self.ready.extend(self.sequencer.push(message.seq, message.arrival));
        self.pump(ctx);
    }
}

/// The writer of a route with what holds it back.
struct Gated {
    guard: Guard,
    gate: Option<StepGate>,
    held: Held,
    ending: CancellationToken,
}

impl Gated {
    /// Writes the rows of a part, the first of which have passed the rate limit. False when the chain ends and the
    /// destination must not be called.
    async fn write(&self, writer: &mut dyn RouteWriter, part: &mut Part) -> Result<bool, EngineError> {
        for (piece, rows) in std::mem::take(&mut part.rows).into_iter().enumerate() {
            if let Some(gate) = self.gate.as_ref().filter(|_| piece > 0) {
                gate.pass(rows.rows, rows.bytes as u64).await?;
            }
            let Some(admitted) = self.admit().await? else { return Ok(false) };
            let written = self.guard.call("write", writer.write(rows)).await;
            admitted.conclude(&written);
            written?;
        }
        Ok(true)
    }

    async fn admit(&self) -> Result<Option<Admitted>, EngineError> {
        admit(self.gate.as_ref(), &self.held, &self.ending).await
    }
}

/// What a destination needs to commit a unit while the actor goes on receiving.
struct Commit {
    guard: Guard,
    route: Route,
    on_error: OnError,
    dead_letters: Arc<dyn DeadLetters>,
    keeps_letters: bool,
    letters: Vec<DeadLetter>,
    /// Bytes of the unit's rows, as they were encoded here.
    bytes: u64,
    unit: Unit,
    watch: Watch,
    /// Keeps the end of the actor from being told.
    stays: Option<Arc<Farewell>>,
}

impl Commit {
    /// Corrects the unit by what the one who writes knows of its rows.
    fn settle(&mut self, account: Account) -> Result<(), EngineError> {
        let missing = account.missing();
        let Account { filtered, dead_lettered, failed, created, letters, fatal, bytes } = account;
        if let Some(StepError { step, error }) = fatal {
            return Err(EngineError::Record { step, error: Box::new(error) });
        }
        let counters = &mut self.unit.marker.counters;
        counters.delivered = counters.delivered.saturating_add(created).saturating_sub(missing);
        counters.created = counters.created.saturating_add(created);
        counters.filtered = counters.filtered.saturating_add(filtered);
        counters.dead_lettered = counters.dead_lettered.saturating_add(dead_lettered);
        counters.failed = counters.failed.saturating_add(failed);
        if let Some(bytes) = bytes {
            counters.bytes_written = counters.bytes_written.saturating_sub(self.bytes).saturating_add(bytes);
        }
        self.letters.extend(letters.into_iter().map(|StepError { step, error }| DeadLetter {
            step,
            types: BTreeMap::new(),
            error,
        }));
        Ok(())
    }

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
                OnError::Retry => {
                    return Err(EngineError::Unsettled { step: step.clone(), error: Box::new(error) });
                }
                OnError::DeadLetter => {
                    counters.dead_lettered += 1;
                    let types = BTreeMap::new();
                    self.letters.push(DeadLetter { step: step.clone(), types, error });
                }
                OnError::Skip => counters.failed += 1,
            }
        }
        Ok(())
    }

    /// Stage, dead letters, commit. The letters are durable before the marker that makes them count.
    async fn run(mut self, writer: &mut dyn RouteWriter) -> Result<Marker, EngineError> {
        let rejected = self.guard.call("stage", writer.stage(&self.unit)).await?;
        self.settle(self.guard.compute(|| Ok(writer.account()))?)?;
        self.refuse(rejected)?;
        let counters = &self.unit.marker.counters;
        if !counters.balanced() {
            return Err(EngineError::Unbalanced {
                route: self.route.to_string(),
                read: counters.read.saturating_add(counters.created),
                accounted: counters.accounted(),
            });
        }
        let mut set_aside: BTreeMap<StepName, u64> = BTreeMap::new();
        for letter in &self.letters {
            *set_aside.entry(letter.step.clone()).or_default() += 1;
        }
        if self.keeps_letters {
            let (store, route) = (Arc::clone(&self.dead_letters), self.route.clone());
            let (run, seq, letters) = (self.unit.marker.run, self.unit.marker.seq, self.letters);
            let stays = self.stays.take();
            // A chain that is killed meanwhile is opened again only when this has ended: it must not come after letters of the
            // same unit that others put.
            let put = tokio::task::spawn_blocking(move || {
                let _stays = stays;
                store.put(run, &route, seq, &letters)
            });
            put.await.map_err(|error| EngineError::Internal(format!("dead letters: {error}")))??;
            self.guard.call("commit", async { failpoint("dead_letters_written") }).await?;
        }
        self.guard.call("commit", writer.commit(&self.unit)).await?;
        for (step, records) in &set_aside {
            self.watch.observer.set_aside(step, *records);
        }
        Ok(self.unit.marker)
    }
}

impl DestinationActor {
    /// Starts the next call into the writer, if it is free and there is something to do, and sees to it that an open unit is
    /// looked at again. A route that has none costs no time.
    fn pump(&mut self, ctx: &mut Context<Self>) {
        self.advance(ctx);
        if !self.unit.is_empty() && !std::mem::replace(&mut self.is_ticking, true) {
            ctx.run_later(TICK.min(self.limits().interval), |actor, ctx| {
                actor.is_ticking = false;
                actor.pump(ctx);
            });
        } else if self.unit.is_empty() && self.ready.is_empty() {
            self.ready = VecDeque::new();
        }
    }

    fn advance(&mut self, ctx: &mut Context<Self>) {
        if self.writer.is_none() {
            return;
        }
        if let Some(cut) = self.cut {
            self.cut_off(cut);
        }
        if self.unit.is_due(&self.limits()) {
            return self.commit(None, ctx);
        }
        match self.ready.pop_front() {
            Some(Arrival::Part { part, permit, origin }) if self.must_ask(&part) => {
                let first = part.rows.first().map_or((0, 0), |rows| (rows.rows, rows.bytes as u64));
                self.ready.push_front(Arrival::Part { part, permit, origin });
                self.ask(first, ctx);
            }
            Some(Arrival::Part { part, permit, origin }) => self.write(part, permit, origin, ctx),
            Some(Arrival::Failed { error }) => {
                self.attempt.fail(error.clone());
                // Stays in front until the chain is killed: what follows must never be committed past it.
                self.ready.push_front(Arrival::Failed { error });
            }
            Some(Arrival::Cut) => {
                self.cut = Some(Cut::Commit);
                self.advance(ctx);
            }
            Some(Arrival::End { done }) if self.unit.is_empty() && (done.is_none() || self.marker.done) => {
                self.ended(ctx);
            }
            Some(Arrival::End { done }) => {
                self.ready.push_front(Arrival::End { done: None });
                self.commit(done, ctx);
            }
            // Others may go on while nothing comes for this one.
            None if self.slot.is_some() && self.slots.is_wanted() => self.commit(None, ctx),
            None => {}
        }
    }

    fn limits(&self) -> UnitLimits {
        let longest = if self.goes_on { FIRST } else { Duration::MAX };
        UnitLimits { interval: self.limits.interval.min(longest), ..self.limits }
    }

    fn gated(&self) -> Gated {
        Gated {
            guard: self.guard.clone(),
            gate: self.gate.clone(),
            held: self.held.clone(),
            ending: self.attempt.ending.clone(),
        }
    }

    /// Whether the first rows of a part have yet to pass the rate limit.
    fn must_ask(&self, part: &Part) -> bool {
        self.gate.is_some() && self.toll != Toll::Paid && !part.rows.is_empty()
    }

    fn ask(&mut self, (records, bytes): (u64, u64), ctx: &mut Context<Self>) {
        if self.toll == Toll::Asked {
            return;
        }
        let Some(gate) = self.gate.clone() else { return };
        self.toll = Toll::Asked;
        let ending = self.attempt.ending.clone();
        let passed = async move {
            tokio::select! {
                biased;
                passed = gate.pass(records, bytes) => Some(passed),
                () = ending.cancelled() => None,
            }
        };
        let asked = Instant::now();
        ctx.spawn(passed.into_actor(self).map(move |passed, actor, ctx| {
            actor.watch.observer.waited(&actor.route.destination, Wait::Limit, asked.elapsed());
            match passed {
                Some(Ok(())) => actor.toll = Toll::Paid,
                Some(Err(error)) => return actor.attempt.fail(error),
                None => actor.cut = Some(Cut::Commit),
            }
            actor.pump(ctx);
        }));
    }

    /// Forgets what waits, but not that nothing follows it.
    fn cut_off(&mut self, cut: Cut) {
        let is_last = self.ready.iter().any(|arrival| matches!(arrival, Arrival::End { .. }));
        self.ready.clear();
        if is_last {
            self.ready.push_back(Arrival::End { done: None });
        }
        if cut == Cut::Abandon {
            self.unit = OpenUnit::default();
        }
    }

    fn write(
        &mut self,
        mut part: Part,
        permit: Arc<crate::budget::BytePermit>,
        origin: Origin,
        ctx: &mut Context<Self>,
    ) {
        let covered = match (&part.end, &self.marker.position) {
            (Some(end), Some(position)) => end.next <= position.next,
            _ => false,
        };
        if covered {
            self.sight.committed(self.output, 1);
            return ctx.notify(Pump);
        }
        let Some(mut writer) = self.writer.take() else { return };
        let gated = self.gated();
        self.toll = Toll::Due;
        let (bytes, has_rows) = (part.memory(), !part.rows.is_empty());
        let (slots, mut slot) = (self.slots.clone(), self.slot.take());
        let (watch, step, records) =
            (self.watch.clone(), self.route.destination.clone(), part.counters.delivered);
        let work = async move {
            if has_rows && slot.is_none() {
                let waiting = Instant::now();
                slot = Some(slots.take().await);
                watch.observer.waited(&step, Wait::Turn, waiting.elapsed());
            }
            if !has_rows {
                return (writer, slot, part, Ok(true));
            }
            let started = watch.start(origin.trace);
            let result = started.traced(gated.write(writer.as_mut(), &mut part)).await;
            watch.ended(started, &step, Operation::Write, (records, bytes as u64), result.as_ref().err());
            (writer, slot, part, result)
        };
        let work = work.instrument(self.attempt.span.clone());
        ctx.spawn(work.into_actor(self).map(move |(writer, slot, part, result), actor, ctx| {
            (actor.writer, actor.slot) = (Some(writer), slot);
            match result {
                Err(error) => return actor.attempt.fail(error),
                Ok(false) => {
                    actor.cut = Some(Cut::Abandon);
                    return actor.pump(ctx);
                }
                Ok(true) => {}
            }
            actor.progress.written(&actor.route, &part.counters, bytes);
            let held = (actor.holds_rows && has_rows).then_some(permit);
            actor.unit.add(part.counters, part.end, part.letters, bytes, held);
            actor.unit.came_from(origin);
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
            bytes: self.unit.bytes as u64,
            unit,
            watch: self.watch.clone(),
            stays: self.farewell.clone(),
        };
        let gated = self.gated();
        let (slots, slot) = (self.slots.clone(), self.slot.take());
        let (watch, step, from) = (self.watch.clone(), self.route.destination.clone(), self.unit.origins());
        let (records, bytes) = (self.unit.counters.delivered, self.unit.bytes as u64);
        let batches = from.batches;
        let work = async move {
            let _slot = match slot {
                Some(slot) => slot,
                None => {
                    let waiting = Instant::now();
                    let slot = slots.take().await;
                    watch.observer.waited(&step, Wait::Turn, waiting.elapsed());
                    slot
                }
            };
            let result = match gated.admit().await {
                Err(error) => Err(error),
                Ok(None) => Ok(None),
                Ok(Some(admitted)) => {
                    let started = watch.start_unit(&from);
                    let result = started.traced(commit.run(writer.as_mut())).await;
                    admitted.conclude(&result);
                    watch.ended(started, &step, Operation::Commit, (records, bytes), result.as_ref().err());
                    result.map(|marker| Some((marker, from.first_read.map(|first| first.elapsed()))))
                }
            };
            (writer, result)
        };
        let work = work.instrument(self.attempt.span.clone());
        ctx.spawn(work.into_actor(self).map(move |(writer, result), actor, ctx| match result {
            Ok(None) => {
                (actor.writer, actor.cut) = (Some(writer), Some(Cut::Abandon));
                actor.pump(ctx);
            }
            Ok(Some((marker, latency))) => {
                actor.writer = Some(writer);
                (actor.unit, actor.goes_on) = (OpenUnit::default(), false);
                actor.sight.committed(actor.output, batches);
                let counters = marker.counters.since(&actor.marker.counters);
                actor.watch.observer.committed(&actor.route.destination, Committed { counters, latency });
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
