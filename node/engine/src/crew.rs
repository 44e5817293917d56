use std::collections::HashMap;
use std::sync::Arc;

use actix::prelude::*;
use etl_model::{Marker, Position, RouteEnd, RunId, StepName};
use etl_sdk::{PartitionInfo, RunContext};
use tokio::sync::{mpsc, oneshot};

use crate::actors::{BeginChain, CrewActor, SupervisorActor};
use crate::chain::{ChainPlan, OpenChain};
use crate::messages::{Disband, DrainChain, KillChain, RenewChain};
use crate::options::EngineOptions;
use crate::pipeline::Pipeline;
use crate::ports::{DeadLetters, RunState};
use crate::progress::Progress;
use crate::taps::Taps;
use crate::{ActorSystem, EngineError};

/// What a node's share of a run needs.
pub struct CrewSetup {
    /// The run.
    pub run: RunContext,
    /// The steps.
    pub pipeline: Pipeline,
    /// Earlier runs of the workflow that have ended or were abandoned.
    pub replaces: Vec<RunId>,
    /// How to use the machine.
    pub options: EngineOptions,
    /// Epochs and checkpoints.
    pub state: Arc<dyn RunState>,
    /// Records set aside.
    pub dead_letters: Arc<dyn DeadLetters>,
    /// Updated while it runs.
    pub progress: Arc<Progress>,
    /// Where its records can be watched.
    pub taps: Arc<Taps>,
    /// Where it is told how partitions end.
    pub events: mpsc::UnboundedSender<CrewEvent>,
}

/// A partition to run.
#[derive(Debug, Clone)]
pub struct PartitionOrder {
    /// The source.
    pub source: StepName,
    /// The partition.
    pub info: PartitionInfo,
    /// Its stable number within the run, which also names it here.
    pub index: usize,
    /// Where the run begins it, if not at its beginning.
    pub start: Option<Position>,
    /// Whether it has been worked on before: it goes on before others begin, so that what was taken over does not wait.
    pub is_begun: bool,
}

/// What a crew tells.
#[derive(Debug)]
pub enum CrewEvent {
    /// Nothing of this partition runs here any more.
    Ended {
        /// Its number within the run.
        partition: usize,
        /// How.
        end: PartitionEnd,
    },
    /// The crew is gone by a defect, with all that it ran.
    Lost {
        /// Which.
        error: EngineError,
    },
}

/// How a partition has ended on this node. Markers are by destination and shard, the last that are known to be committed.
#[derive(Debug)]
pub enum PartitionEnd {
    /// Its end is committed at every destination.
    Done {
        /// One per destination and shard.
        markers: Vec<(RouteEnd, Marker)>,
    },
    /// It was asked to stop; what had been read is committed.
    Drained {
        /// None when it had not begun.
        markers: Vec<(RouteEnd, Marker)>,
    },
    /// It cannot go on.
    Failed {
        /// Why.
        error: EngineError,
        /// What is committed, as far as known.
        markers: Vec<(RouteEnd, Marker)>,
    },
    /// It was told to stop at once.
    Killed,
}

impl PartitionEnd {
    /// In one word.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Done { .. } => "done",
            Self::Drained { .. } => "drained",
            Self::Failed { .. } => "failed",
            Self::Killed => "killed",
        }
    }
}

/// Runs partitions of one run as they come and go, for a node that has not all of them. Everything stops when it is
/// dropped.
pub struct Crew {
    actor: Addr<CrewActor>,
    run: RunContext,
    plans: HashMap<StepName, Result<Arc<ChainPlan>, EngineError>>,
    replaces: Arc<Vec<RunId>>,
    state: Arc<dyn RunState>,
    dead_letters: Arc<dyn DeadLetters>,
    progress: Arc<Progress>,
    read: etl_sdk::ReadOptions,
}

impl Crew {
    /// Starts a crew that has nothing to do yet.
    pub fn start(system: &ActorSystem, setup: CrewSetup) -> Self {
        let CrewSetup { run, pipeline, replaces, options, state, dead_letters, progress, taps, events } =
            setup;
        let parallelism = pipeline.parallelism(options.parallelism).get();
        let share = options.share(parallelism);
        let (alive, vanished) = oneshot::channel();
        let supervisor = SupervisorActor::new(
            options,
            Arc::clone(&state),
            Arc::clone(&dead_letters),
            Arc::clone(&progress),
            taps,
            system.arbiters().to_vec(),
            alive,
        );
        let supervisor = SupervisorActor::start_in_arbiter(system.arbiter(), |_| supervisor);
        let actor = CrewActor::new(supervisor, share, parallelism, events, vanished);
        let actor = CrewActor::start_in_arbiter(system.arbiter(), |_| actor);
        let lacks_gates = pipeline.lacks_gates();
        let plan = |step| match lacks_gates {
            false => ChainPlan::new(&pipeline, step).map(Arc::new),
            // A limit of one node alone would not be one.
            true => Err(EngineError::Internal("nobody keeps the limits of this workflow".to_owned())),
        };
        let plans = pipeline.sources.iter().map(|step| (step.name.clone(), plan(step))).collect();
        Self {
            actor,
            run,
            plans,
            replaces: Arc::new(replaces),
            state,
            dead_letters,
            progress,
            read: share.read,
        }
    }

    /// Runs a partition when there is room for it. Its end is told by an event.
    ///
    /// # Errors
    /// The workflow has no such source, or divides its rows as none may.
    pub fn begin(&self, order: PartitionOrder) -> Result<(), EngineError> {
        let PartitionOrder { source, info, index, start, is_begun } = order;
        let plan = match self.plans.get(&source) {
            Some(Ok(plan)) => plan,
            Some(Err(error)) => return Err(error.clone()),
            None => return Err(EngineError::Internal(format!("the workflow has no source `{source}`"))),
        };
        self.progress.discovered(&source, &info.id, info.bytes, info.records);
        let request = OpenChain {
            run: self.run.clone(),
            plan: Arc::clone(plan),
            partition: info,
            index,
            start,
            replaces: Arc::clone(&self.replaces),
            state: Arc::clone(&self.state),
            dead_letters: Arc::clone(&self.dead_letters),
            read: plan.read_options(self.read),
        };
        self.actor.do_send(BeginChain { chain: index, request, is_begun });
        Ok(())
    }

    /// Has a partition commit what it has read and end.
    pub fn drain(&self, partition: usize) {
        self.actor.do_send(DrainChain(partition));
    }

    /// Has a partition commit what it has read and go on with whoever carries out its shards now. One that waits for its turn
    /// does so anyway.
    pub fn renew(&self, partition: usize) {
        self.actor.do_send(RenewChain(partition));
    }

    /// Has a partition end at once.
    pub fn kill(&self, partition: usize) {
        self.actor.do_send(KillChain(partition));
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.actor.do_send(Disband);
    }
}
