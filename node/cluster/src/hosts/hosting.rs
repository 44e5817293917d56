use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use etl_engine::{Pipeline, ShardOf, ShardSteps, Taps};
use etl_model::{Retry, RouteEnd, Tracer, WorkflowName};
use etl_raft::consensus::Consensus;
use etl_raft_state::State;
use etl_raft_state::parts::{Run, RunPhase};
use etl_relay::{Hosted, HostedStep, Hosting, OfRows, Refused, Wanted};
use etl_sdk::RunContext;
use etl_workflow::Inputs;
use uuid::Uuid;

use crate::work::{Prepared, Workshop, inputs};

/// What this node carries out for others: the steps that the runs of the cluster say it hosts.
pub(crate) struct Hosts {
    consensus: Consensus,
    workshop: Arc<dyn Workshop>,
    taps: Arc<Taps>,
    /// By run and version.
    prepared: Mutex<HashMap<(Uuid, u64), Arc<Prepared>>>,
}

/// A run that has something to do here.
struct Known {
    workflow: String,
    document: String,
    inputs: Inputs,
}

impl Hosts {
    /// What passes the steps that it carries out is shown by `taps`.
    pub fn new(consensus: Consensus, workshop: Arc<dyn Workshop>, taps: Arc<Taps>) -> Self {
        Self { consensus, workshop, taps, prepared: Mutex::default() }
    }

    async fn prepared(&self, run: Uuid, version: u64, known: Known) -> Result<Arc<Prepared>, Refused> {
        if let Some(prepared) = self.known_prepared(run, version) {
            return Ok(prepared);
        }
        let workshop = Arc::clone(&self.workshop);
        let made =
            tokio::task::spawn_blocking(move || workshop.prepare(&known.document, &known.inputs)).await;
        let made = made.map_err(|defect| for_good(defect.to_string()))?.map_err(for_good)?;
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        self.consensus.peek(|state| {
            prepared.retain(|(run, _), _| state.runs().get(*run).is_some_and(|run| !run.is_finished()));
        });
        Ok(Arc::clone(prepared.entry((run, version)).or_insert_with(|| Arc::new(made))))
    }

    fn known_prepared(&self, run: Uuid, version: u64) -> Option<Arc<Prepared>> {
        let prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        prepared.get(&(run, version)).cloned()
    }
}

#[async_trait]
impl Hosting for Hosts {
    async fn hosted(&self, wanted: &Wanted) -> Result<Hosted, Refused> {
        let Wanted { run, version, step, .. } = wanted;
        let (run, version) = (*run, *version);
        let me = self.consensus.member().node;
        let end = RouteEnd { destination: step.clone(), shard: wanted.shard() };
        let look = |state: &State| judge(state, me, run, version, &end);
        let known = match self.consensus.peek(look) {
            Ok(known) => known,
            // Who asks may know more than this node does yet.
            Err(_) => match self.consensus.read(look).await {
                Ok(seen) => seen?,
                Err(error) => return Err(later(error.to_string())),
            },
        };
        let workflow = WorkflowName::new(&known.workflow).map_err(|error| for_good(error.to_string()))?;
        let prepared = self.prepared(run, version, known).await?;
        let step = self.step(&prepared.pipeline, wanted)?;
        Ok(Hosted { context: RunContext { workflow, run: run.into() }, step })
    }

    fn tracer(&self, run: Uuid) -> Arc<dyn Tracer> {
        self.workshop.tracer(run)
    }
}

impl Hosts {
    fn step(&self, pipeline: &Pipeline, wanted: &Wanted) -> Result<HostedStep, Refused> {
        let step = &wanted.step;
        let destination = pipeline.destinations.iter().find(|known| known.name == *step);
        let processor = pipeline.processors.iter().find(|known| known.name == *step);
        match (destination, processor) {
            (Some(found), _) if wanted.with_steps => {
                let Some(OfRows { source, partition, shard: Some(shard) }) = &wanted.rows else {
                    return Err(for_good(format!("steps that lead to no shard of `{step}`")));
                };
                let of = ShardOf {
                    run: wanted.run.into(),
                    source: source.clone(),
                    partition: partition.clone(),
                    destination: step.clone(),
                    shard: *shard,
                };
                let steps = ShardSteps::new(pipeline, &of, Arc::clone(&self.taps));
                let steps = steps.map_err(|error| for_good(error.to_string()))?;
                let destination = Arc::clone(&found.destination);
                Ok(HostedStep::Shard { steps: Arc::new(steps), destination })
            }
            (Some(found), _) => Ok(HostedStep::Destination(Arc::clone(&found.destination))),
            (None, Some(found)) => Ok(HostedStep::Processor(Arc::clone(&found.processor))),
            (None, None) => Err(for_good(format!("the workflow has no step `{step}`"))),
        }
    }
}

/// Whether a node is to carry out a step, or a shard of it, of a run with that version.
fn judge(state: &State, me: u64, run: Uuid, version: u64, end: &RouteEnd) -> Result<Known, Refused> {
    let Some(known) = state.runs().get(run) else {
        return Err(for_good(format!("there is no run {run}")));
    };
    let Run { phase, hosts, shards, hash, workflow, .. } = known;
    match phase {
        RunPhase::Running | RunPhase::Halted(_) => {}
        RunPhase::Queued | RunPhase::Finished(_) => {
            return Err(for_good(format!("run {run} is not under way")));
        }
    }
    if known.version != version {
        return Err(later(format!("run {run} has version {} instead of {version}", known.version)));
    }
    let host = hosts.get(end.destination.as_str());
    match (host, end.shard) {
        (Some(host), _) if *host == me => {}
        // It may be on its way here, or away again.
        (None, Some(_)) if shards.get(&end.to_string()) != Some(&me) => {
            return Err(later(format!("node {me} is not to carry out shard `{end}` of run {run} now")));
        }
        (None, Some(_)) => {}
        (Some(_), _) | (None, None) => {
            return Err(for_good(format!("node {me} is not to carry out step `{end}` of run {run}")));
        }
    }
    let Some(document) = state.workflows().document(hash) else {
        return Err(for_good(format!("the document of run {run} is not known")));
    };
    Ok(Known { workflow: workflow.clone(), document: document.to_owned(), inputs: inputs(run, known) })
}

fn for_good(message: String) -> Refused {
    Refused { message, retry: Retry::Never }
}

fn later(message: String) -> Refused {
    Refused { message, retry: Retry::Backoff }
}
