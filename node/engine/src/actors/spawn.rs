use std::collections::VecDeque;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use actix::prelude::*;
use etl_model::{OnError, Position};
use tokio::sync::Semaphore;

use super::attempt::Attempt;
use super::destination::{DestinationActor, Toll};
use super::open_unit::{OpenUnit, UnitLimits};
use super::processor::ProcessorActor;
use super::slots::Slots;
use super::source::SourceActor;
use crate::budget::ByteBudget;
use crate::chain::{ChainPlan, OpenRoute, Opened, Outlets};
use crate::guard::Guard;
use crate::limits::Held;
use crate::options::ChainShare;
use crate::ports::ChainSight;
use crate::ports::DeadLetters;
use crate::progress::Progress;
use crate::sequencer::Sequencer;
use crate::taps::ChainTaps;
use crate::watch::Sight;

/// Bytes of a unit when neither the destination nor the memory budget asks for less.
const UNIT_BYTES: u64 = 256 << 20;

/// What the actors of a chain share with the rest of the process.
pub(super) struct Machinery {
    pub arbiter: ArbiterHandle,
    pub share: ChainShare,
    pub commit_interval: Duration,
    pub dead_letters: Arc<dyn DeadLetters>,
    pub progress: Arc<Progress>,
    pub threads: Arc<Semaphore>,
    pub taps: ChainTaps,
    /// One per output.
    pub slots: Vec<Slots>,
    pub held: Held,
}

/// A chain's actors, running.
pub(super) struct Spawned {
    pub source: Addr<SourceActor>,
    pub actors: usize,
    pub guards: Vec<Guard>,
}

fn keeps_letters(plan: &ChainPlan) -> bool {
    plan.source.on_error == OnError::DeadLetter
        || plan.nodes.iter().any(|node| node.step.on_error == OnError::DeadLetter)
        || plan.outputs.iter().any(|output| output.step.on_error == OnError::DeadLetter)
}

/// Starts the actors of an opened chain, destinations first.
pub(super) fn spawn(
    plan: &Arc<ChainPlan>,
    opened: Opened,
    attempt: Attempt,
    machinery: Machinery,
) -> Spawned {
    let Machinery { arbiter, share, commit_interval, dead_letters, progress, threads, taps, slots, held } =
        machinery;
    let keeps_letters = keeps_letters(plan);
    let start = |position: &Option<Position>| position.clone().unwrap_or_else(Position::start);
    let starts = opened.routes.iter().map(|route| start(&route.marker.position)).collect();
    let mut guards = vec![opened.source_guard.clone()];
    let carries = |route: &OpenRoute| route.route.shard.is_some() && route.destination.carries_steps();
    let outlets = Arc::new(Outlets {
        encoders: opened.routes.iter().map(|route| route.destination.encoder()).collect(),
        elsewhere: opened.routes.iter().map(carries).collect(),
        starts,
        sequences: plan.nodes.iter().map(|node| node.step.processor.begin().map(Mutex::new)).collect(),
    });
    let budget = ByteBudget::new(share.permits);
    let sight = Arc::new(Sight::new(budget.clone(), plan.outputs.len()));
    let seen: Weak<dyn ChainSight> = Arc::downgrade(&sight) as _;
    plan.watch.observer.opened(&plan.source.name, seen);
    let mut destinations = Vec::new();
    for ((output, route), slots) in opened.routes.into_iter().enumerate().zip(slots) {
        let step = &plan.outputs[output].step;
        let capabilities = route.destination.capabilities();
        let guard = Guard::gated(step.name.clone(), plan.outputs[output].gate.as_ref());
        guards.push(guard.clone());
        let span = tracing::error_span!(parent: &attempt.span, "step", step = %step.name);
        let actor = DestinationActor {
            attempt: Attempt { span, ..attempt.clone() },
            output,
            route: route.route,
            on_error: step.on_error,
            guard,
            limits: UnitLimits {
                interval: commit_interval,
                bytes: capabilities.unit_bytes.unwrap_or(UNIT_BYTES) as usize,
                permits: share.unit_bytes,
            },
            holds_rows: capabilities.holds_rows,
            dead_letters: Arc::clone(&dead_letters),
            keeps_letters,
            progress: Arc::clone(&progress),
            watch: plan.watch.clone(),
            sight: Arc::clone(&sight),
            writer: Some(route.writer),
            slots,
            slot: None,
            gate: plan.outputs[output].gate.clone(),
            held: held.clone(),
            toll: Toll::default(),
            cut: None,
            goes_on: route.marker.seq > 0,
            marker: route.marker,
            sequencer: Sequencer::new(),
            ready: VecDeque::new(),
            unit: OpenUnit::default(),
            is_ticking: false,
            farewell: None,
        };
        destinations.push(DestinationActor::start_in_arbiter(&arbiter, |_| actor));
    }
    // One that remembers the partition is given its batches one after the other.
    let processors = if plan.is_sequential() { 1 } else { share.processors };
    let processors: Vec<_> = (0..processors)
        .map(|_| {
            let actor = ProcessorActor {
                attempt: attempt.clone(),
                plan: Arc::clone(plan),
                outlets: Arc::clone(&outlets),
                destinations: destinations.clone(),
                threads: Arc::clone(&threads),
                taps: taps.clone(),
                held: held.clone(),
                farewell: None,
            };
            ProcessorActor::start_in_arbiter(&arbiter, |_| actor)
        })
        .collect();
    let actors = 1 + processors.len() + destinations.len();
    let source = SourceActor {
        attempt,
        guard: opened.source_guard,
        source: plan.source.name.clone(),
        watch: plan.watch.clone(),
        sight,
        reader: opened.reader,
        slots: Arc::new(Semaphore::new(processors.len())),
        processors,
        destinations,
        budget,
        chunk_bytes: share.read.chunk_bytes,
        gate: plan.gate.clone(),
        held,
        next: opened.from,
        seq: 0,
        draining: false,
        idle: None,
        acknowledge: None,
        farewell: None,
    };
    Spawned { source: SourceActor::start_in_arbiter(&arbiter, |_| source), actors, guards }
}
