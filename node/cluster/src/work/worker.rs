use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use etl_engine::{ActorSystem, CrewEvent, Desk, EngineError, PartitionEnd, Taps};
use etl_model::{Marker, Retry, RouteEnd, TraceContext, TraceSpan};
use etl_raft::consensus::Consensus;
use etl_raft_state::PartitionKey;
use etl_raft_state::command::{Holder, PartitionClaim, Release};
use etl_raft_state::parts::{Assignment, AssignmentState, Run, RunPhase};
use etl_sdk::guard_removed;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::Instrument;
use uuid::Uuid;

use super::checkpointer::Checkpointer;
use super::coordinator::Coordinator;
use super::earlier::Earlier;
use super::lease::Lease;
use super::reconcile::{Action, Stage, Wanted, reconcile};
use super::report::{Settled, failure, halt, settle};
use super::share::{Share, ShareParts};
use super::workshop::{Workshop, inputs};
use crate::hosts::{Relays, are_up, is_away};

/// How often it looks even though nothing has changed.
const LOOK: Duration = Duration::from_millis(500);
/// The shortest time between two looks.
const REST: Duration = Duration::from_millis(20);
/// Before a partition is begun again whose chain could not have its epoch or checkpoint.
const AGAIN: Duration = Duration::from_millis(500);

/// Works on what is assigned to this node.
pub(crate) struct Worker {
    consensus: Consensus,
    workshop: Arc<dyn Workshop>,
    lease: Lease,
    system: Arc<ActorSystem>,
    relays: Relays,
    taps: Arc<Taps>,
    desk: Desk,
    checkpointer: Checkpointer,
    /// Ends the checkpointer with the worker.
    _end: DropGuard,
    shares: BTreeMap<Uuid, Share>,
    coordinators: BTreeMap<Uuid, Coordinating>,
    /// Coordinators, and commands that tell the cluster what became of a partition.
    tasks: JoinSet<Task>,
    /// Partitions of which nothing runs here any more, until the state shows here that they were let go of.
    telling: HashMap<PartitionKey, Telling>,
    /// What the crews tell, each with its run.
    events: mpsc::UnboundedSender<(Uuid, CrewEvent)>,
    told: mpsc::UnboundedReceiver<(Uuid, CrewEvent)>,
    /// Partitions that wait before they are begun again.
    resting: HashMap<PartitionKey, Instant>,
    stopping: bool,
}

/// The coordinator of a run that this node has.
struct Coordinating {
    /// The version of the workflow that it goes by.
    version: u64,
    task: AbortHandle,
}

/// A partition that is let go of.
struct Telling {
    /// Under which it was held.
    epoch: u64,
    /// Whether the cluster knows.
    is_known: bool,
}

/// What a task was about, when it has ended.
enum Task {
    Coordinated(Uuid),
    /// The cluster was told what became of a partition.
    Told(PartitionKey, Settled),
    /// The cluster knows that a run cannot go on.
    Halted,
}

impl Worker {
    /// Needs a runtime.
    pub fn new(
        consensus: Consensus,
        workshop: Arc<dyn Workshop>,
        lease: Lease,
        system: Arc<ActorSystem>,
        taps: Arc<Taps>,
        relays: Relays,
        desk: Desk,
    ) -> Self {
        let (events, told) = mpsc::unbounded_channel();
        let end = CancellationToken::new();
        Self {
            checkpointer: Checkpointer::start(consensus.clone(), end.clone()),
            _end: end.drop_guard(),
            consensus,
            workshop,
            lease,
            system,
            relays,
            taps,
            desk,
            shares: BTreeMap::new(),
            coordinators: BTreeMap::new(),
            tasks: JoinSet::new(),
            telling: HashMap::new(),
            events,
            told,
            resting: HashMap::new(),
            stopping: false,
        }
    }

    /// Ends when it is told to stop and nothing runs any more, or consensus has stopped. Chains that have not ended
    /// `patience` (in milliseconds) after it was told to are cut off.
    pub async fn run(mut self, stop: CancellationToken, patience: Arc<AtomicU64>) {
        let mut applied = self.consensus.applied();
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut cut_off = Instant::now();
        loop {
            applied.mark_unchanged();
            self.look().await;
            if self.stopping
                && self.telling.values().all(|telling| telling.is_known)
                && self.shares.values().all(|share| share.here.is_empty())
            {
                return;
            }
            tokio::select! {
                changed = applied.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    sleep(REST).await;
                }
                _ = ticks.tick() => {}
                Some((run, event)) = self.told.recv() => self.hear(run, event),
                Some(ended) = self.tasks.join_next() => self.ended(ended),
                () = stop.cancelled(), if !self.stopping => {
                    self.wind_up();
                    cut_off = Instant::now() + Duration::from_millis(patience.load(Ordering::Relaxed));
                }
                () = sleep_until(cut_off), if self.stopping => return,
            }
        }
    }

    /// What is assigned to this node, with the phases of the runs.
    fn wanted(&self) -> BTreeMap<PartitionKey, Wanted> {
        let me = self.consensus.member().node;
        self.consensus.peek(|state| {
            let with_phase = |key: &PartitionKey, assignment: &Assignment| {
                let phase = state.runs().get(key.run)?.phase.clone();
                Some((key.clone(), Wanted { assignment: assignment.clone(), phase }))
            };
            state.assignments().of_owner(me).filter_map(|(key, known)| with_phase(key, known)).collect()
        })
    }

    fn here(&self) -> BTreeMap<PartitionKey, Stage> {
        let mut here: BTreeMap<PartitionKey, Stage> = BTreeMap::new();
        for share in self.shares.values() {
            here.extend(share.here.iter().map(|(key, stage)| (key.clone(), *stage)));
        }
        let coordinators = self.coordinators.iter();
        here.extend(coordinators.map(|(run, known)| {
            let stage = if known.task.is_finished() { Stage::Ending } else { Stage::Running };
            (PartitionKey::coordinator(*run), stage)
        }));
        here.extend(self.telling.keys().map(|key| (key.clone(), Stage::Ending)));
        here
    }

    async fn look(&mut self) {
        if self.stopping {
            return;
        }
        // Without it an owner goes on that is none any more, until a destination tells it.
        let is_unleased = guard_removed("lease");
        if !self.lease.is_good() && !is_unleased {
            return self.leave_all();
        }
        let now = Instant::now();
        self.resting.retain(|_, until| *until > now);
        let me = self.consensus.member().node;
        // A leader may know of a release before this node does, which would begin the partition again meanwhile.
        let telling = &mut self.telling;
        self.consensus.peek(|state| {
            telling.retain(|key, telling| {
                let is_held = |known: &Assignment| {
                    known.owner == me
                        && known.epoch == telling.epoch
                        && known.state != AssignmentState::Released
                };
                !telling.is_known || state.assignments().get(key).is_some_and(is_held)
            });
        });
        self.leave_former_versions();
        for (key, action) in reconcile(me, &self.wanted(), &self.here()) {
            match action {
                Action::Begin if self.resting.contains_key(&key) => {}
                Action::Kill if is_unleased => {}
                Action::Begin if key.is_coordinator() => self.coordinate(key.run),
                Action::Begin => self.begin(&key).await,
                Action::Drain | Action::Kill if key.is_coordinator() => self.stop_coordinating(key.run),
                Action::Drain => self.with(&key, Share::drain),
                Action::Kill => self.with(&key, Share::kill),
                Action::Release => self.release(&key, &[], false),
            }
        }
        let consensus = &self.consensus;
        let shares = &mut self.shares;
        consensus.peek(|state| {
            for (run, share) in shares.iter_mut() {
                if let Some(known) = state.runs().get(*run) {
                    share.renew(&known.shards);
                }
            }
        });
        self.shares.retain(|run, share| {
            let goes_on = consensus.peek(|state| {
                let known = state.runs().get(*run);
                known.is_some_and(|known| known.phase == RunPhase::Running && known.version == share.version)
            });
            goes_on || !share.here.is_empty()
        });
    }

    /// Ends what is here of runs that another version of their workflow has taken over: their assignments are new, even if this
    /// node has them again.
    fn leave_former_versions(&mut self) {
        let consensus = self.consensus.clone();
        let is_former = |run: &Uuid, version: u64| {
            consensus.peek(|state| state.runs().get(*run).is_some_and(|known| known.version != version))
        };
        let coordinators = self.coordinators.iter().filter(|(run, known)| is_former(run, known.version));
        for run in coordinators.map(|(run, _)| *run).collect::<Vec<_>>() {
            self.stop_coordinating(run);
        }
        for share in self.shares.iter_mut().filter(|(run, share)| is_former(run, share.version)) {
            share.1.kill_all();
        }
    }

    fn with(&mut self, key: &PartitionKey, change: impl FnOnce(&mut Share, &PartitionKey)) {
        if let Some(share) = self.shares.get_mut(&key.run) {
            change(share, key);
        }
    }

    /// The leader has not answered for too long: what is here is being given to others.
    fn leave_all(&mut self) {
        let running: Vec<PartitionKey> = self.here().into_keys().collect();
        if !running.is_empty() {
            tracing::warn!(
                partitions = running.len(),
                "the leader does not answer: this node stops its work"
            );
        }
        for key in running {
            match key.is_coordinator() {
                true => self.stop_coordinating(key.run),
                false if self.stage(&key) == Some(Stage::Running) => self.with(&key, Share::kill),
                false => {}
            }
        }
    }

    fn stage(&self, key: &PartitionKey) -> Option<Stage> {
        self.shares.get(&key.run)?.here.get(key).copied()
    }

    fn wind_up(&mut self) {
        self.stopping = true;
        for run in self.coordinators.keys().copied().collect::<Vec<_>>() {
            self.stop_coordinating(run);
        }
        let running: Vec<PartitionKey> =
            self.here().into_keys().filter(|key| !key.is_coordinator()).collect();
        for key in running {
            if self.stage(&key) == Some(Stage::Running) {
                self.with(&key, Share::drain);
            }
        }
    }

    fn coordinate(&mut self, run: Uuid) {
        let (consensus, workshop) = (self.consensus.clone(), Arc::clone(&self.workshop));
        let relays = self.relays.clone();
        let Some(version) = consensus.peek(|state| state.runs().get(run).map(|known| known.version)) else {
            return;
        };
        let begins =
            TraceSpan::below(&TraceContext::of_run(run.into()), "start of the run", SystemTime::now());
        self.workshop.tracer(run).ended(begins);
        let carried_out = async move {
            Coordinator { run, consensus, workshop, relays }.run().await;
            Task::Coordinated(run)
        };
        // Also what connectors log is about the run.
        let task = self.tasks.spawn(carried_out.instrument(tracing::error_span!("coordinator", %run)));
        self.coordinators.insert(run, Coordinating { version, task });
    }

    fn stop_coordinating(&mut self, run: Uuid) {
        if let Some(known) = self.coordinators.remove(&run) {
            known.task.abort();
        }
    }

    async fn begin(&mut self, key: &PartitionKey) {
        let begun = match self.share(key.run).await {
            Ok(false) => return,
            Ok(true) => {
                let row = self.consensus.peek(|state| {
                    let row = state.partitions().get(key).cloned()?;
                    Some((row, state.checkpoints().of_partition(key).next().is_some()))
                });
                match (self.shares.get_mut(&key.run), row) {
                    (Some(share), Some((row, is_begun))) => {
                        tracing::debug!(run = %key.run, source = key.source, partition = key.partition, "a partition begins here");
                        share.begin(key, &row, is_begun)
                    }
                    _ => return,
                }
            }
            Err(error) => Err(error),
        };
        if let Err(error) = begun {
            self.rest(key);
            self.halt(key.run, None, failure(self.consensus.member().node, key, &error, &[]));
        }
    }

    /// Makes sure that there is a share of the run's version; `false` while one of another version is ending.
    async fn share(&mut self, run: Uuid) -> Result<bool, EngineError> {
        let found: Option<Run> = self.consensus.peek(|state| state.runs().get(run).cloned());
        let Some(found) = found else { return Ok(false) };
        match self.shares.get(&run) {
            Some(share) if share.version == found.version => return Ok(true),
            Some(share) if !share.here.is_empty() => return Ok(false),
            _ => {}
        }
        let needed = self.consensus.peek(|state| {
            let document = state.workflows().document(&found.hash)?.to_owned();
            Some((document, Earlier::of(state, &found.workflow)))
        });
        let Some((document, earlier)) = needed else { return Ok(false) };
        let workshop = Arc::clone(&self.workshop);
        let began = SystemTime::now();
        let inputs = inputs(run, &found);
        let prepared = tokio::task::spawn_blocking(move || workshop.prepare(&document, &inputs)).await;
        let prepared = prepared
            .map_err(|error| EngineError::Internal(error.to_string()))?
            .map_err(|problem| EngineError::Internal(format!("the workflow cannot run here: {problem}")))?;
        let span = TraceSpan::below(&TraceContext::of_run(run.into()), "prepare the workflow", began);
        self.workshop.tracer(run).ended(span);
        let mut prepared = self.relays.relayed(run, &found, prepared);
        prepared.pipeline = prepared.pipeline.gated(&self.desk, run.into());
        let share = Share::start(ShareParts {
            run,
            workflow: &found.workflow,
            version: found.version,
            prepared,
            shards: found.shards,
            earlier,
            consensus: self.consensus.clone(),
            checkpointer: self.checkpointer.clone(),
            workshop: self.workshop.as_ref(),
            system: &self.system,
            taps: Arc::clone(&self.taps),
            events: self.events.clone(),
        })?;
        self.shares.insert(run, share);
        Ok(true)
    }

    fn rest(&mut self, key: &PartitionKey) {
        self.resting.insert(key.clone(), Instant::now() + AGAIN);
    }

    fn halt(&mut self, run: Uuid, by: Option<PartitionClaim>, message: String) {
        let message = self.workshop.redacted(message);
        let consensus = self.consensus.clone();
        self.tasks.spawn(async move {
            halt(&consensus, run, by, message).await;
            Task::Halted
        });
    }

    /// Tells the cluster how far a partition came that does not run here any more.
    fn release(&mut self, key: &PartitionKey, markers: &[(RouteEnd, Marker)], done: bool) {
        let me = self.consensus.member();
        let share = self.shares.get_mut(&key.run);
        let claimed = share.as_ref().and_then(|share| share.ledger.epoch(key));
        let checkpoints = share.as_ref().map(|share| share.ledger.last(key, markers)).unwrap_or_default();
        if let Some(share) = share {
            share.forget(key);
        }
        let assigned = || self.consensus.peek(|state| state.assignments().get(key).map(|known| known.epoch));
        let Some(epoch) = claimed.or_else(assigned) else { return };
        self.telling.insert(key.clone(), Telling { epoch, is_known: false });
        let command = Release {
            partition: key.clone(),
            epoch,
            node: me.node,
            incarnation: me.incarnation,
            checkpoints,
            done,
        };
        let (consensus, key) = (self.consensus.clone(), key.clone());
        self.tasks.spawn(async move {
            let settled = settle(&consensus, command).await;
            Task::Told(key, settled)
        });
    }

    fn hear(&mut self, run: Uuid, event: CrewEvent) {
        let Some(share) = self.shares.get_mut(&run) else { return };
        let (partition, end) = match event {
            CrewEvent::Ended { partition, end } => (partition, end),
            CrewEvent::Lost { error } => {
                tracing::error!(%run, %error, "the chains of a run are gone; beginning them again");
                self.shares.remove(&run);
                return;
            }
        };
        let Some(key) = share.key(partition) else { return };
        tracing::debug!(%run, source = key.source, partition = key.partition, end = end.as_str(), "a partition has ended here");
        match end {
            PartitionEnd::Done { markers } => self.release(&key, &markers, true),
            PartitionEnd::Drained { .. } if self.stopping => share.forget(&key),
            PartitionEnd::Drained { markers } => self.release(&key, &markers, false),
            PartitionEnd::Killed => share.forget(&key),
            PartitionEnd::Failed { error, markers } => self.failed(&key, &error, &markers),
        }
    }

    fn failed(&mut self, key: &PartitionKey, error: &EngineError, markers: &[(RouteEnd, Marker)]) {
        let me = self.consensus.member().clone();
        let epoch = self.shares.get(&key.run).and_then(|share| share.ledger.epoch(key));
        if let Some(share) = self.shares.get_mut(&key.run) {
            share.forget(key);
        }
        self.rest(key);
        // Without its epoch or a leader it is not the partition that has failed: it is begun again, here or elsewhere.
        if matches!(error, EngineError::State(error) if error.retry == Retry::Backoff) {
            tracing::warn!(run = %key.run, partition = key.partition, %error, "a partition has stopped");
            return;
        }
        // Nor is it when another node does not carry out its part: that one is waited for.
        let is_alone = self
            .consensus
            .peek(|state| state.runs().get(key.run).is_some_and(|run| !are_up(state, &run.hosts)));
        if is_away(error) || (is_alone && error.retry() == Retry::Backoff) {
            tracing::warn!(partition = key.partition, %error, "a partition waits for a node that hosts a step");
            return;
        }
        let message = failure(me.node, key, error, markers);
        let claim = epoch.map(|epoch| PartitionClaim {
            partition: key.clone(),
            holder: Holder { node: me.node, incarnation: me.incarnation, epoch },
        });
        self.halt(key.run, claim, message);
    }

    fn ended(&mut self, ended: Result<Task, tokio::task::JoinError>) {
        match ended {
            Ok(Task::Coordinated(run)) => {
                self.coordinators.remove(&run);
                self.rest(&PartitionKey::coordinator(run));
            }
            Ok(Task::Told(key, Settled::Done)) => {
                if let Some(telling) = self.telling.get_mut(&key) {
                    telling.is_known = true;
                }
            }
            Ok(Task::Told(key, Settled::Refused | Settled::Unable)) => {
                self.telling.remove(&key);
            }
            Ok(Task::Halted) => {}
            Err(error) if error.is_cancelled() => {}
            Err(defect) => {
                tracing::error!(%defect, "a task of the worker has failed");
                self.coordinators.retain(|_, known| !known.task.is_finished());
            }
        }
    }
}
