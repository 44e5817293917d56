use std::collections::VecDeque;
use std::sync::Arc;
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
use crate::chain::{ChainPlan, Opened};
use crate::guard::Guard;
use crate::limits::Held;
use crate::options::ChainShare;
use crate::ports::DeadLetters;
use crate::progress::Progress;
use crate::sequencer::Sequencer;
use crate::taps::ChainTaps;

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
    let encoders = Arc::new(opened.routes.iter().map(|route| route.destination.encoder()).collect());
    let mut destinations = Vec::new();
    for ((output, route), slots) in opened.routes.into_iter().enumerate().zip(slots) {
        let step = &plan.outputs[output].step;
        let capabilities = route.destination.capabilities();
        let guard = Guard::new(step.name.clone());
        guards.push(guard.clone());
        let actor = DestinationActor {
            attempt: attempt.clone(),
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
            writer: Some(route.writer),
            slots,
            slot: None,
            gate: plan.outputs[output].gate.clone(),
            held: held.clone(),
            toll: Toll::default(),
            cut: None,
            marker: route.marker,
            sequencer: Sequencer::new(),
            ready: VecDeque::new(),
            unit: OpenUnit::default(),
            farewell: None,
        };
        destinations.push(DestinationActor::start_in_arbiter(&arbiter, |_| actor));
    }
    let starts = Arc::new(starts);
    let processors: Vec<_> = (0..share.processors)
        .map(|_| {
            let actor = ProcessorActor {
                attempt: attempt.clone(),
                plan: Arc::clone(plan),
                encoders: Arc::clone(&encoders),
                starts: Arc::clone(&starts),
                destinations: destinations.clone(),
                threads: Arc::clone(&threads),
                taps: taps.clone(),
                farewell: None,
            };
            ProcessorActor::start_in_arbiter(&arbiter, |_| actor)
        })
        .collect();
    let actors = 1 + processors.len() + destinations.len();
    let source = SourceActor {
        attempt,
        guard: opened.source_guard,
        reader: opened.reader,
        slots: Arc::new(Semaphore::new(processors.len())),
        processors,
        destinations,
        budget: ByteBudget::new(share.permits),
        chunk_bytes: share.read.chunk_bytes,
        gate: plan.gate.clone(),
        held,
        next: opened.from,
        seq: 0,
        draining: false,
        acknowledge: None,
        farewell: None,
    };
    Spawned { source: SourceActor::start_in_arbiter(&arbiter, |_| source), actors, guards }
}
