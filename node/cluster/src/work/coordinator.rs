use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use etl_engine::{EngineError, FoundPartition, PortError, complete, discover, rediscover, rediscovery};
use etl_model::{Fault, PartitionId, Retry, StepName};
use etl_raft::consensus::Consensus;
use etl_raft_state::command::{AddPartitions, FinishRun, Holder, HostShards, NewPartition, PartitionClaim};
use etl_raft_state::parts::{Run, RunPhase};
use etl_raft_state::{Command, NodeState, PartitionKey, Rejection, Response, RunOutcome, State};
use etl_sdk::RunContext;
use etl_workflow::Inputs;
use tokio::time::sleep;
use uuid::Uuid;

use super::earlier::Earlier;
use super::ownership::Ownership;
use super::report::halt;
use super::workshop::{Prepared, Workshop, inputs};
use crate::hosts::{Relays, are_up, is_away, place_shards, shards_of};

/// Partitions of one command.
const PARTITIONS: usize = 200;
/// Before something is tried again that consensus could not do.
const PAUSE: Duration = Duration::from_millis(300);

/// Carries a run from its first check to its end: finds the partitions, waits until they are done, completes the
/// destinations. Every step may be done again by whoever holds the coordinator next.
pub(crate) struct Coordinator {
    pub run: Uuid,
    pub consensus: Consensus,
    pub workshop: Arc<dyn Workshop>,
    pub relays: Relays,
}

/// Why a coordinator stops before its run is finished.
enum Stop {
    /// The run is another's, or does not go on.
    Over,
    /// The run cannot go on until somebody has mended something.
    Failed(String),
}

impl From<PortError> for Stop {
    fn from(error: PortError) -> Self {
        match error.fault {
            Fault::Internal => Self::Failed(error.to_string()),
            Fault::User | Fault::External => Self::Over,
        }
    }
}

impl Coordinator {
    /// Ends when the run is finished or halted, or another coordinates it.
    pub async fn run(self) {
        match self.coordinate().await {
            Ok(()) => tracing::info!(run = %self.run, "the run is complete"),
            Err(Stop::Over) => {
                tracing::debug!(run = %self.run, "this node does not coordinate the run any more")
            }
            Err(Stop::Failed(message)) => {
                halt(&self.consensus, self.run, None, self.workshop.redacted(message)).await;
            }
        }
    }

    async fn coordinate(&self) -> Result<(), Stop> {
        let partition = PartitionKey::coordinator(self.run);
        let holder = Ownership::new(self.consensus.clone()).take(&partition).await?;
        match self.coordinate_as(holder).await {
            Err(Stop::Failed(message)) => {
                let claim = PartitionClaim { partition, holder };
                halt(&self.consensus, self.run, Some(claim), self.workshop.redacted(message)).await;
                Err(Stop::Over)
            }
            other => other,
        }
    }

    async fn coordinate_as(&self, holder: Holder) -> Result<(), Stop> {
        tracing::info!(run = %self.run, "this node coordinates the run");
        let (run, document, earlier) = self.look().await?;
        let mut prepared = self.prepare(document, inputs(self.run, &run)).await?;
        self.host_shards(&prepared, &run).await?;
        prepared = self.relays.relayed(self.run, &run, prepared);
        let workflow =
            etl_model::WorkflowName::new(&run.workflow).map_err(|error| Stop::Failed(error.to_string()))?;
        let context = RunContext { workflow, run: self.run.into() };
        if !run.discovered {
            self.discover(&prepared, &context, &earlier, holder).await?;
        }
        if let Some(period) = rediscovery(&prepared.pipeline) {
            return self.look_for_more(&prepared, period, holder).await;
        }
        let partitions = self.all_done(holder).await?;
        self.complete(&prepared, &context, &partitions).await?;
        self.write(FinishRun { run: self.run, outcome: RunOutcome::Completed, by: Some(holder) }).await?;
        Ok(())
    }

    async fn look(&self) -> Result<(Run, String, Earlier), Stop> {
        let id = self.run;
        let seen = self.read(move |state| {
            let run = state.runs().get(id).filter(|run| run.phase == RunPhase::Running)?.clone();
            let document = state.workflows().document(&run.hash)?.to_owned();
            let earlier = Earlier::of(state, &run.workflow);
            Some((run, document, earlier))
        });
        seen.await.ok_or(Stop::Over)
    }

    /// Sees to it that somebody carries out every shard. Those that are with a node that is away are moved by the leader.
    async fn host_shards(&self, prepared: &Prepared, run: &Run) -> Result<(), Stop> {
        let (id, version) = (self.run, run.version);
        let wanted = shards_of(prepared, &run.hosts);
        loop {
            let look = |state: &State| {
                let known = state.runs().get(id).filter(|known| known.version == version)?.shards.clone();
                let members = state.nodes().members().filter(|(_, node)| node.state == NodeState::Up);
                Some((known, members.map(|(node, _)| node).collect::<Vec<_>>()))
            };
            let (known, members) = self.read(look).await.ok_or(Stop::Over)?;
            let open: BTreeSet<String> =
                wanted.iter().filter(|shard| !known.contains_key(*shard)).cloned().collect();
            if open.is_empty() {
                return Ok(());
            }
            let mut moves = place_shards(id, &wanted, &known, &members);
            moves.retain(|each| open.contains(&each.shard));
            if moves.is_empty() {
                tracing::warn!(run = %id, "no node is there to carry out shards");
                sleep(PAUSE).await;
                continue;
            }
            match self.consensus.write(HostShards { run: id, version, moves }).await {
                Ok(Response::Rejected(
                    rejection @ (Rejection::TooLarge { .. } | Rejection::FeatureLevel { .. }),
                )) => return Err(Stop::Failed(rejection.to_string())),
                // A node may have gone meanwhile, or another have been faster.
                Ok(Response::Rejected(rejection)) => {
                    tracing::debug!(run = %id, %rejection, "placing shards again")
                }
                Ok(_) => continue,
                Err(error) => tracing::debug!(run = %id, %error, "placing shards again"),
            }
            sleep(PAUSE).await;
        }
    }

    async fn prepare(&self, document: String, inputs: Inputs) -> Result<Prepared, Stop> {
        let workshop = Arc::clone(&self.workshop);
        let prepared = tokio::task::spawn_blocking(move || workshop.prepare(&document, &inputs)).await;
        prepared.map_err(|error| Stop::Failed(error.to_string()))?.map_err(Stop::Failed)
    }

    async fn discover(
        &self,
        prepared: &Prepared,
        run: &RunContext,
        earlier: &Earlier,
        holder: Holder,
    ) -> Result<(), Stop> {
        let known = self.known(prepared, earlier).await;
        let mut pauses = prepared.options.retry.pauses();
        let found = loop {
            match discover(&prepared.pipeline, run, &known).await {
                Ok(found) => break found,
                Err(error) if self.waits_for_host(&error) => {
                    tracing::warn!(run = %self.run, %error, "the run waits for a node that hosts a step");
                    sleep(PAUSE).await;
                }
                Err(error) => match pauses.next().filter(|_| error.retry() == Retry::Backoff) {
                    Some(pause) => {
                        tracing::warn!(run = %self.run, %error, ?pause, "looking for partitions again");
                        sleep(pause).await;
                    }
                    None => return Err(Stop::Failed(describe(&error))),
                },
            }
        };
        tracing::info!(run = %self.run, partitions = found.len(), "the partitions of the run are known");
        self.add(&found, rediscovery(&prepared.pipeline).is_none(), holder).await
    }

    /// Completes the destinations. Those that another node has are completed when it is there.
    async fn complete(
        &self,
        prepared: &Prepared,
        run: &RunContext,
        partitions: &[(StepName, PartitionId)],
    ) -> Result<(), Stop> {
        loop {
            let errors = complete(&prepared.pipeline, run, partitions, &prepared.options.retry).await;
            // One that cannot be completed for another reason is told first: waiting would not help it.
            if let Some(error) = errors.iter().find(|error| !self.waits_for_host(error)) {
                return Err(Stop::Failed(describe(error)));
            }
            let Some(error) = errors.first() else { return Ok(()) };
            tracing::warn!(run = %self.run, %error, "the run waits for a node that hosts a step");
            sleep(PAUSE).await;
        }
    }

    /// Whether an error is there only because a node that carries out a step is not.
    fn waits_for_host(&self, error: &EngineError) -> bool {
        let is_alone = || {
            self.consensus
                .peek(|state| state.runs().get(self.run).is_some_and(|run| !are_up(state, &run.hosts)))
        };
        is_away(error) || (error.retry() == Retry::Backoff && is_alone())
    }

    async fn add(&self, found: &[FoundPartition], is_all: bool, holder: Holder) -> Result<(), Stop> {
        let parts: Vec<&[FoundPartition]> = match found.len() {
            0 => vec![&[]],
            _ => found.chunks(PARTITIONS).collect(),
        };
        for (number, part) in parts.iter().enumerate() {
            let command = AddPartitions {
                run: self.run,
                epoch: holder.epoch,
                node: holder.node,
                incarnation: holder.incarnation,
                partitions: part.iter().map(new_partition).collect(),
                complete: is_all && number + 1 == parts.len(),
            };
            self.write(command).await?;
        }
        Ok(())
    }

    /// The partitions that the run has already, in the order of their numbers, else those an incremental one goes on
    /// from.
    async fn known(&self, prepared: &Prepared, earlier: &Earlier) -> Vec<(StepName, PartitionId)> {
        let id = self.run;
        let known = self.read(move |state| partitions(state, id)).await;
        if !known.is_empty() || prepared.sync != etl_model::SyncMode::Incremental {
            return known;
        }
        let mut starts: Vec<_> = earlier.starts.keys().cloned().collect();
        starts.sort();
        starts
    }

    /// Adds the partitions that come, until the run is another's or over: it does not end by itself.
    async fn look_for_more(&self, prepared: &Prepared, period: Duration, holder: Holder) -> Result<(), Stop> {
        let id = self.run;
        let mut known = self.read(move |state| partitions(state, id)).await;
        loop {
            sleep(period).await;
            match rediscover(&prepared.pipeline, &known).await {
                Ok(found) if found.is_empty() => {}
                Ok(found) => {
                    tracing::info!(run = %self.run, partitions = found.len(), "further partitions are found");
                    self.add(&found, false, holder).await?;
                    known.extend(found.into_iter().map(|found| (found.source, found.info.id)));
                }
                Err(error) => {
                    tracing::warn!(run = %self.run, %error, "looking for further partitions again later");
                }
            }
        }
    }

    /// Waits until no partition is open, then tells all in the order of their numbers.
    async fn all_done(&self, holder: Holder) -> Result<Vec<(StepName, PartitionId)>, Stop> {
        let key = PartitionKey::coordinator(self.run);
        let mut applied = self.consensus.applied();
        loop {
            applied.mark_unchanged();
            let (is_mine, open) = self.consensus.peek(|state| {
                let held = state.assignments().get(&key);
                let is_held = |held: &etl_raft_state::parts::Assignment| {
                    held.is_held_by(holder.node, holder.incarnation, holder.epoch)
                };
                (held.is_some_and(is_held), state.partitions().open(self.run))
            });
            if !is_mine {
                return Err(Stop::Over);
            }
            if open == 0 {
                let id = self.run;
                return Ok(self.read(move |state| partitions(state, id)).await);
            }
            applied.changed().await.map_err(|_| Stop::Over)?;
        }
    }

    async fn read<T>(&self, read: impl Fn(&State) -> T) -> T {
        loop {
            match self.consensus.read(&read).await {
                Ok(seen) => return seen,
                Err(error) => tracing::debug!(run = %self.run, %error, "the coordinator waits for a leader"),
            }
            sleep(PAUSE).await;
        }
    }

    /// Repeats a guarded command until its outcome is known. A refusal says that another has taken over.
    async fn write(&self, command: impl Into<Command>) -> Result<Response, Stop> {
        let command = command.into();
        loop {
            match self.consensus.write(command.clone()).await {
                Ok(Response::Rejected(rejection)) => {
                    tracing::info!(run = %self.run, %rejection, "the coordinator was refused");
                    return Err(Stop::Over);
                }
                Ok(response) => return Ok(response),
                Err(etl_raft::Error::NoLeader(_) | etl_raft::Error::Unknown(_)) => sleep(PAUSE).await,
                Err(error @ etl_raft::Error::TooLarge { .. }) => {
                    return Err(Stop::Failed(error.to_string()));
                }
                Err(_) => return Err(Stop::Over),
            }
        }
    }
}

fn new_partition(found: &FoundPartition) -> NewPartition {
    NewPartition {
        source: found.source.as_str().to_owned(),
        partition: found.info.id.0.clone(),
        bytes: found.info.bytes,
        records: found.info.records,
    }
}

fn partitions(state: &State, run: Uuid) -> Vec<(StepName, PartitionId)> {
    let mut all: Vec<_> = state
        .partitions()
        .of_run(run)
        .filter_map(|(key, row)| Some((row.index, StepName::new(&key.source).ok()?, key.partition.clone())))
        .collect();
    all.sort_by_key(|(index, ..)| *index);
    all.into_iter().map(|(_, source, partition)| (source, PartitionId(partition))).collect()
}

/// An error with what to do about it.
fn describe(error: &EngineError) -> String {
    match error.help() {
        Some(help) => format!("{error}; {help}"),
        None => error.to_string(),
    }
}
