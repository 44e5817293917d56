mod ending;
mod patience;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use etl_model::{Marker, Position, Retry, Route};
use tokio::sync::{Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use self::patience::Patience;
use super::attempt::Attempt;
use super::slots::{Slots, SlotsOfSteps};
use super::source::SourceActor;
use super::spawn::{Machinery, spawn};
use crate::EngineError;
use crate::chain::{OpenChain, OpenRoute, Opened, open};
use crate::guard::Guard;
use crate::limits::{Held, StepGate};
use crate::messages::{Acknowledge, ActorGone, ChainEvent, ChainFailed, Drain, RouteEnded, UnitCommitted};
use crate::options::{ChainShare, EngineOptions};
use crate::ports::{DeadLetters, RunState};
use crate::progress::Progress;
use crate::taps::{ChainTaps, Taps};

/// The shortest time between two writes of checkpoints.
const CHECKPOINT_PAUSE: Duration = Duration::from_millis(200);
/// How often chains are looked at for calls that do not return.
const WATCH: Duration = Duration::from_secs(1);

/// Asks for a chain to be opened and kept running until it ends or fails for good.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct StartChain {
    pub chain: usize,
    pub request: OpenChain,
    pub share: ChainShare,
    pub reply: Recipient<ChainEvent>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Opening,
    Running,
    /// Killed or ended; waiting for its actors to let go.
    Ending,
    /// Waiting before it is reopened.
    Pausing,
}

/// What a circuit breaker says to a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Asked,
    Open,
    Closed,
}

struct Chain {
    request: OpenChain,
    share: ChainShare,
    reply: Recipient<ChainEvent>,
    phase: Phase,
    attempt: u32,
    kill: CancellationToken,
    /// Cancelled when it is to end, in whatever way: nothing is waited for any more that may take long.
    ending: CancellationToken,
    /// Whether the breaker of the step that has failed is open, once that is known.
    verdict: Option<Verdict>,
    /// Actors started in this attempt, and those of them still alive.
    spawned: usize,
    actors: usize,
    source: Option<Addr<SourceActor>>,
    guards: Vec<Guard>,
    markers: Vec<Option<Marker>>,
    /// Per output: how far the checkpoint store has it, which is never ahead of `markers`.
    stored: Vec<Option<Position>>,
    ended: HashSet<usize>,
    error: Option<EngineError>,
    patience: Patience,
    draining: bool,
    /// It ends to be opened again.
    renewing: bool,
    killed: bool,
}

impl Chain {
    /// The ownership number under which it was opened, once it was.
    fn epoch(&self) -> Option<u64> {
        self.markers.iter().flatten().map(|marker| marker.epoch).max()
    }

    /// The breaker that has yet to say something to the failure.
    fn undecided(&self) -> Option<StepGate> {
        let error = self.error.as_ref().filter(|error| error.retry() == Retry::Backoff)?;
        if self.verdict.is_some() || self.draining {
            return None;
        }
        self.request.plan.gate(error.step()?).filter(|gate| gate.has_breaker()).cloned()
    }
}

/// Names a chain to all that is logged within it; of the gravest level, so that it does so whatever is logged.
fn named(request: &OpenChain, epoch: Option<u64>) -> tracing::Span {
    let (run, source, partition) = (request.run.run, &request.plan.source.name, &request.partition.id);
    tracing::error_span!("chain", %run, %source, %partition, epoch)
}

/// Where it shows that a chain waits.
fn held(progress: &Arc<Progress>, request: &OpenChain) -> Held {
    Held {
        progress: Arc::clone(progress),
        run: request.run.run,
        source: request.plan.source.name.clone(),
        partition: request.partition.id.clone(),
    }
}

/// Opens chains from their request, watches them, kills them as a whole and reopens them from the markers: a chain is
/// the unit of failure. Also carries markers to the checkpoint store and acknowledgements back to the sources.
pub(crate) struct SupervisorActor {
    pub options: EngineOptions,
    pub state: Arc<dyn RunState>,
    pub dead_letters: Arc<dyn DeadLetters>,
    pub progress: Arc<Progress>,
    pub taps: Arc<Taps>,
    pub threads: Arc<Semaphore>,
    pub arbiters: Vec<ArbiterHandle>,
    chains: HashMap<usize, Chain>,
    slots: SlotsOfSteps,
    /// Markers that the checkpoint store does not have yet.
    dirty: HashMap<(usize, usize), Marker>,
    storing: bool,
    /// A store is due soon.
    scheduled: bool,
    /// Stops with its last chain.
    leaving: bool,
    /// Dropped with the actor: whoever waits for the run learns that nobody drives it any more.
    _alive: oneshot::Sender<()>,
}

impl SupervisorActor {
    /// A supervisor without chains.
    pub fn new(
        options: EngineOptions,
        state: Arc<dyn RunState>,
        dead_letters: Arc<dyn DeadLetters>,
        progress: Arc<Progress>,
        taps: Arc<Taps>,
        arbiters: Vec<ArbiterHandle>,
        alive: oneshot::Sender<()>,
    ) -> Self {
        let threads = Arc::new(Semaphore::new(options.workers.get()));
        Self {
            options,
            state,
            dead_letters,
            progress,
            taps,
            threads,
            arbiters,
            chains: HashMap::new(),
            slots: SlotsOfSteps::default(),
            dirty: HashMap::new(),
            storing: false,
            scheduled: false,
            leaving: false,
            _alive: alive,
        }
    }

    fn open(&mut self, id: usize, ctx: &mut Context<Self>) {
        let Some(chain) = self.chains.get_mut(&id) else { return };
        chain.attempt += 1;
        chain.phase = Phase::Opening;
        chain.kill = CancellationToken::new();
        chain.ended.clear();
        chain.renewing = false;
        (chain.error, chain.verdict) = (None, None);
        let (request, ending) = (chain.request.clone(), chain.ending.clone());
        let held = held(&self.progress, &request);
        let attempt = chain.attempt;
        // Also what connectors log is about the run.
        let span = named(&request, None);
        let opened = async move { open(&request, &held, &ending).await }.instrument(span).into_actor(self);
        ctx.spawn(opened.map(move |opened, actor, ctx| actor.opened(id, attempt, opened, ctx)));
    }

    fn opened(
        &mut self,
        id: usize,
        attempt: u32,
        opened: Result<Option<Opened>, EngineError>,
        ctx: &mut Context<Self>,
    ) {
        let Some(chain) = self.chains.get_mut(&id).filter(|chain| chain.attempt == attempt) else { return };
        let opened = match opened {
            Ok(Some(opened)) => opened,
            Ok(None) => {
                chain.phase = Phase::Ending;
                return self.settle(id, ctx);
            }
            Err(error) => {
                chain.error = Some(error);
                chain.phase = Phase::Ending;
                return self.settle(id, ctx);
            }
        };
        if chain.killed {
            chain.phase = Phase::Ending;
            return self.settle(id, ctx);
        }
        for (output, route) in opened.routes.iter().enumerate() {
            chain.markers[output] = Some(route.marker.clone());
            chain.stored[output] = route.stored.as_ref().and_then(|known| known.position.clone());
            if route.stored.as_ref().map_or(0, |known| known.seq) < route.marker.seq {
                // Its owner of before did not come to it.
                self.dirty.insert((id, output), route.marker.clone());
            }
            self.progress.opened(&route.route, &route.marker);
        }
        if !self.dirty.is_empty() {
            self.schedule(ctx);
        }
        let Some(chain) = self.chains.get_mut(&id) else { return };
        if opened.reader.is_none() {
            chain.phase = Phase::Ending;
            return self.settle(id, ctx);
        }
        chain.phase = Phase::Running;
        // Chains are as many as there may be writers; only the shards of one can be more.
        let known = &mut self.slots;
        let of_route = |route: &OpenRoute| match route.route.shard {
            Some(_) => {
                let writers = route.destination.capabilities().max_writers;
                known.of(&route.route.destination, writers)
            }
            None => Slots::default(),
        };
        let slots = opened.routes.iter().map(of_route).collect();
        let attempt = Attempt {
            chain: id,
            number: chain.attempt,
            kill: chain.kill.clone(),
            ending: chain.ending.clone(),
            supervisor: ctx.address(),
            span: named(&chain.request, chain.epoch()),
        };
        let machinery = Machinery {
            arbiter: self.arbiters[id % self.arbiters.len()].clone(),
            share: chain.share,
            commit_interval: self.options.commit_interval,
            dead_letters: Arc::clone(&self.dead_letters),
            progress: Arc::clone(&self.progress),
            threads: Arc::clone(&self.threads),
            taps: ChainTaps::new(
                Arc::clone(&self.taps),
                chain.request.plan.veil.clone(),
                chain.request.run.run,
                chain.request.plan.source.name.clone(),
                chain.request.partition.id.clone(),
            ),
            slots,
            held: held(&self.progress, &chain.request),
        };
        let spawned = spawn(&chain.request.plan, opened, attempt, machinery);
        (chain.spawned, chain.actors) = (spawned.actors, spawned.actors);
        chain.guards = spawned.guards;
        if chain.draining || chain.renewing {
            spawned.source.do_send(Drain);
        }
        chain.source = Some(spawned.source);
    }

    fn fail(&mut self, id: usize, attempt: u32, error: EngineError) {
        if let Some(chain) = self.chains.get_mut(&id).filter(|chain| chain.attempt == attempt) {
            chain.error.get_or_insert(error);
            chain.phase = Phase::Ending;
            chain.kill.cancel();
        }
    }

    /// Concludes a chain once nobody works on it any more and its markers are stored.
    fn settle(&mut self, id: usize, ctx: &mut Context<Self>) {
        let Some(chain) = self.chains.get_mut(&id) else { return };
        if chain.phase != Phase::Ending || chain.actors > 0 {
            return;
        }
        if self.storing || self.dirty.keys().any(|&(chain, _)| chain == id) {
            return self.store(ctx);
        }
        chain.source = None;
        chain.guards.clear();
        if chain.killed {
            chain.reply.do_send(ChainEvent::Killed { chain: id });
            self.chains.remove(&id);
            if self.leaving && self.chains.is_empty() {
                ctx.stop();
            }
            return;
        }
        let source = &chain.request.plan.source.name;
        let partition = &chain.request.partition.id;
        if chain.error.is_none() && chain.markers.iter().any(Option::is_none) {
            // Not all destinations were asked how far they are: that it is done cannot be said.
            let markers = chain.markers.clone();
            chain.reply.do_send(ChainEvent::Withdrawn { chain: id, markers });
            self.chains.remove(&id);
            return;
        }
        if let Some(gate) = chain.undecided() {
            chain.verdict = Some(Verdict::Asked);
            let attempt = chain.attempt;
            let asked = async move { gate.is_open().await }.into_actor(self);
            ctx.spawn(asked.map(move |is_open, actor, ctx| actor.decided(id, attempt, is_open, ctx)));
            return;
        }
        if chain.verdict == Some(Verdict::Asked) {
            return;
        }
        let Some(error) = chain.error.take() else {
            let markers: Vec<Marker> = chain.markers.iter().flatten().cloned().collect();
            if chain.renewing && !chain.draining && !markers.iter().all(|marker| marker.done) {
                return self.open(id, ctx);
            }
            if markers.iter().all(|marker| marker.done) {
                self.progress.done(source, partition);
            }
            chain.reply.do_send(ChainEvent::Ended { chain: id, markers, attempts: chain.attempt });
            self.chains.remove(&id);
            return;
        };
        let gate = error.step().and_then(|step| chain.request.plan.gate(step)).cloned();
        let own = gate.as_ref().and_then(StepGate::retry);
        let policy = own.unwrap_or(&self.options.retry);
        if chain.draining && error.retry() == Retry::Backoff && policy.covers(error.code()) {
            // It would be tried again if it was not to end; who goes on with it does.
            let (run, epoch) = (chain.request.run.run, chain.epoch());
            tracing::warn!(%run, %source, %partition, epoch, %error, "failed while it was to end; left for the next to try again");
            let markers = chain.markers.clone();
            chain.reply.do_send(ChainEvent::Withdrawn { chain: id, markers });
            self.chains.remove(&id);
            return;
        }
        let own = own.and_then(|_| error.step());
        match chain.patience.pause(policy, own, &error, chain.verdict == Some(Verdict::Open)) {
            Some(pause) => {
                let run = chain.request.run.run;
                let epoch = chain.epoch();
                tracing::warn!(%run, %source, %partition, epoch, %error, attempt = chain.attempt, ?pause, "retrying");
                let failed = (run, source, partition);
                chain.request.plan.watch.retrying(failed, chain.attempt, pause, &error);
                self.progress.retrying(source, partition);
                chain.phase = Phase::Pausing;
                let attempt = chain.attempt;
                ctx.run_later(pause, move |actor, ctx| actor.reopen(id, attempt, ctx));
            }
            None => {
                let markers = chain.markers.clone();
                chain.request.plan.watch.observer.failed(source, &error);
                chain.reply.do_send(ChainEvent::Failed { chain: id, error, markers });
                self.chains.remove(&id);
            }
        }
    }

    /// Opens a chain after its pause, unless it has been ended meanwhile: its number may be another's by then.
    fn reopen(&mut self, id: usize, attempt: u32, ctx: &mut Context<Self>) {
        let waits = |chain: &Chain| chain.phase == Phase::Pausing && chain.attempt == attempt;
        if self.chains.get(&id).is_some_and(waits) {
            self.open(id, ctx);
        }
    }

    /// A breaker has been asked about the failure of a chain.
    fn decided(&mut self, id: usize, attempt: u32, is_open: bool, ctx: &mut Context<Self>) {
        let Some(chain) = self.chains.get_mut(&id).filter(|chain| chain.attempt == attempt) else { return };
        chain.verdict = Some(if is_open { Verdict::Open } else { Verdict::Closed });
        self.settle(id, ctx);
    }

    fn schedule(&mut self, ctx: &mut Context<Self>) {
        if !std::mem::replace(&mut self.scheduled, true) {
            ctx.run_later(CHECKPOINT_PAUSE, |actor, ctx| {
                actor.scheduled = false;
                actor.store(ctx);
            });
        }
    }

    /// Stores what is dirty, then acknowledges the sources up to what every destination has.
    fn store(&mut self, ctx: &mut Context<Self>) {
        if self.storing || self.dirty.is_empty() {
            return;
        }
        self.storing = true;
        let mut told: Vec<(usize, usize, Option<Position>)> = Vec::with_capacity(self.dirty.len());
        let mut checkpoints: Vec<(Route, Marker)> = Vec::with_capacity(self.dirty.len());
        for ((id, output), marker) in self.dirty.drain() {
            if let Some(chain) = self.chains.get(&id) {
                told.push((id, output, marker.position.clone()));
                checkpoints.push((chain.request.route(output), marker));
            }
        }
        let state = Arc::clone(&self.state);
        let work = async move {
            let items = checkpoints.len();
            let stored = tokio::task::spawn_blocking(move || {
                let stored = state.store_checkpoints(&checkpoints);
                if let Err(error) = etl_sdk::failpoint("checkpoint_stored") {
                    tracing::warn!(%error, "failpoint");
                }
                stored
            });
            match stored.await {
                Ok(results) => results.into_iter().map(|result| result.map_err(EngineError::State)).collect(),
                Err(error) => vec![Err(EngineError::Internal(format!("checkpoints: {error}"))); items],
            }
        };
        ctx.spawn(work.into_actor(self).map(move |results: Vec<Result<(), EngineError>>, actor, ctx| {
            let mut refused = HashSet::new();
            let ids: HashSet<usize> = told.iter().map(|(id, ..)| *id).collect();
            for ((id, output, position), result) in told.into_iter().zip(results) {
                match result {
                    Ok(()) => {
                        let Some(chain) = actor.chains.get_mut(&id) else { continue };
                        let plan = &chain.request.plan;
                        plan.watch.observer.checkpointed(&plan.source.name, 1);
                        if let Some(stored) = chain.stored.get_mut(output) {
                            *stored = position;
                        }
                    }
                    Err(error) => {
                        refused.insert(id);
                        let attempt = actor.chains.get(&id).map_or(0, |chain| chain.attempt);
                        actor.fail(id, attempt, error);
                    }
                }
            }
            actor.storing = false;
            for id in ids.difference(&refused) {
                actor.acknowledge(*id);
            }
            let settling: Vec<usize> = actor.chains.keys().copied().collect();
            for id in settling {
                actor.settle(id, ctx);
            }
            if !actor.dirty.is_empty() {
                actor.schedule(ctx);
            }
        }));
    }

    /// Acknowledges to a source what every output's checkpoint covers. Not what is committed only: that may be newer.
    fn acknowledge(&mut self, id: usize) {
        let Some(chain) = self.chains.get(&id) else { return };
        let positions: Option<Vec<&Position>> = chain.stored.iter().map(Option::as_ref).collect();
        let durable = positions.and_then(|all| all.into_iter().min_by_key(|position| position.next).cloned());
        if let (Some(source), Some(position)) = (&chain.source, durable) {
            source.do_send(Acknowledge { position });
        }
    }
}

impl Actor for SupervisorActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(WATCH, |actor, _| {
            let limit = actor.options.stall_timeout;
            let stalled: Vec<_> = actor
                .chains
                .iter()
                .filter(|(_, chain)| chain.phase == Phase::Running)
                .filter_map(|(&id, chain)| {
                    let error = chain.guards.iter().find_map(|guard| guard.stalled(limit))?;
                    Some((id, chain.attempt, error))
                })
                .collect();
            for (id, attempt, error) in stalled {
                let plan = actor.chains.get(&id).map(|chain| &chain.request.plan);
                if let Some(gate) = plan.and_then(|plan| plan.gate(error.step()?)) {
                    gate.failed();
                }
                actor.fail(id, attempt, error);
            }
        });
    }
}

impl Handler<StartChain> for SupervisorActor {
    type Result = ();

    fn handle(&mut self, message: StartChain, ctx: &mut Self::Context) {
        let outputs = message.request.plan.outputs.len();
        let chain = Chain {
            request: message.request,
            share: message.share,
            reply: message.reply,
            phase: Phase::Opening,
            attempt: 0,
            kill: CancellationToken::new(),
            ending: CancellationToken::new(),
            verdict: None,
            spawned: 0,
            actors: 0,
            source: None,
            guards: Vec::new(),
            markers: vec![None; outputs],
            stored: vec![None; outputs],
            ended: HashSet::new(),
            error: None,
            patience: Patience::default(),
            draining: false,
            renewing: false,
            killed: false,
        };
        self.chains.insert(message.chain, chain);
        self.open(message.chain, ctx);
    }
}

impl Handler<UnitCommitted> for SupervisorActor {
    type Result = ();

    fn handle(&mut self, message: UnitCommitted, ctx: &mut Self::Context) {
        let Some(chain) =
            self.chains.get_mut(&message.chain).filter(|chain| chain.attempt == message.attempt)
        else {
            return;
        };
        chain.patience.committed();
        chain.markers[message.output] = Some(message.marker.clone());
        self.dirty.insert((message.chain, message.output), message.marker);
        self.schedule(ctx);
    }
}

impl Handler<RouteEnded> for SupervisorActor {
    type Result = ();

    fn handle(&mut self, message: RouteEnded, _: &mut Self::Context) {
        let chain = self.chains.get_mut(&message.chain).filter(|chain| chain.attempt == message.attempt);
        if let Some(chain) = chain {
            chain.ended.insert(message.output);
            if chain.ended.len() == chain.markers.len() {
                chain.phase = Phase::Ending;
                chain.kill.cancel();
            }
        }
    }
}

impl Handler<ChainFailed> for SupervisorActor {
    type Result = ();

    fn handle(&mut self, message: ChainFailed, _: &mut Self::Context) {
        self.fail(message.chain, message.attempt, message.error);
    }
}

impl Handler<ActorGone> for SupervisorActor {
    type Result = ();

    fn handle(&mut self, message: ActorGone, ctx: &mut Self::Context) {
        let Some(chain) =
            self.chains.get_mut(&message.chain).filter(|chain| chain.attempt == message.attempt)
        else {
            return;
        };
        chain.actors = chain.actors.saturating_sub(1);
        if chain.phase == Phase::Running && chain.spawned - chain.actors > chain.ended.len() {
            let error = EngineError::Internal("an actor of the chain has vanished".to_owned());
            self.fail(message.chain, message.attempt, error);
        }
        self.settle(message.chain, ctx);
    }
}
