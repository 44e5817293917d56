use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use etl_model::{Retry, StepName, WorkflowName};
use etl_raft::consensus::Consensus;
use etl_raft_state::State;
use etl_raft_state::parts::{Run, RunPhase};
use etl_relay::{Hosted, HostedStep, Hosting, Refused};
use etl_sdk::RunContext;
use uuid::Uuid;

use crate::work::{Prepared, Workshop};

/// What this node carries out for others: the steps that the runs of the cluster say it hosts.
pub(crate) struct Hosts {
    consensus: Consensus,
    workshop: Arc<dyn Workshop>,
    /// By run and version.
    prepared: Mutex<HashMap<(Uuid, u64), Arc<Prepared>>>,
}

/// A run that has something to do here.
struct Known {
    workflow: String,
    document: String,
}

impl Hosts {
    pub fn new(consensus: Consensus, workshop: Arc<dyn Workshop>) -> Self {
        Self { consensus, workshop, prepared: Mutex::default() }
    }

    async fn prepared(&self, run: Uuid, version: u64, document: String) -> Result<Arc<Prepared>, Refused> {
        if let Some(known) = self.known_prepared(run, version) {
            return Ok(known);
        }
        let workshop = Arc::clone(&self.workshop);
        let made = tokio::task::spawn_blocking(move || workshop.prepare(&document)).await;
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
    async fn hosted(&self, run: Uuid, version: u64, step: &StepName) -> Result<Hosted, Refused> {
        let me = self.consensus.member().node;
        let look = |state: &State| judge(state, me, run, version, step.as_str());
        let known = match self.consensus.peek(look) {
            Ok(known) => known,
            // Who asks may know more than this node does yet.
            Err(_) => match self.consensus.read(look).await {
                Ok(seen) => seen?,
                Err(error) => return Err(later(error.to_string())),
            },
        };
        let prepared = self.prepared(run, version, known.document).await?;
        let workflow = WorkflowName::new(&known.workflow).map_err(|error| for_good(error.to_string()))?;
        let pipeline = &prepared.pipeline;
        let destination = pipeline.destinations.iter().find(|known| known.name == *step);
        let processor = pipeline.processors.iter().find(|known| known.name == *step);
        let step = match (destination, processor) {
            (Some(found), _) => HostedStep::Destination(Arc::clone(&found.destination)),
            (None, Some(found)) => HostedStep::Processor(Arc::clone(&found.processor)),
            (None, None) => return Err(for_good(format!("the workflow has no step `{step}`"))),
        };
        Ok(Hosted { context: RunContext { workflow, run: run.into() }, step })
    }
}

/// Whether a node is to carry out a step of a run with that version.
fn judge(state: &State, me: u64, run: Uuid, version: u64, step: &str) -> Result<Known, Refused> {
    let Some(known) = state.runs().get(run) else {
        return Err(for_good(format!("there is no run {run}")));
    };
    let Run { phase, hosts, hash, workflow, .. } = known;
    match phase {
        RunPhase::Running | RunPhase::Halted(_) => {}
        RunPhase::Queued | RunPhase::Finished(_) => {
            return Err(for_good(format!("run {run} is not under way")));
        }
    }
    if known.version != version {
        return Err(later(format!("run {run} has version {} instead of {version}", known.version)));
    }
    if hosts.get(step) != Some(&me) {
        return Err(for_good(format!("node {me} is not to carry out step `{step}` of run {run}")));
    }
    let Some(document) = state.workflows().document(hash) else {
        return Err(for_good(format!("the document of run {run} is not known")));
    };
    Ok(Known { workflow: workflow.clone(), document: document.to_owned() })
}

fn for_good(message: String) -> Refused {
    Refused { message, retry: Retry::Never }
}

fn later(message: String) -> Refused {
    Refused { message, retry: Retry::Backoff }
}
