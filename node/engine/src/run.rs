use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use actix::prelude::*;
use actix_rt::Arbiter;
use etl_model::{PartitionId, Position, RunId, StepName};
use etl_sdk::{ReadOptions, RunContext};
use tokio::sync::{oneshot, watch};

use crate::EngineError;
use crate::actors::{Begin, Grow, SupervisorActor, WorkflowActor, WorkflowSetup};
use crate::chain::{ChainPlan, OpenChain};
use crate::coordination::{FoundPartition, discover, rediscover, rediscovery};
use crate::limits::Desk;
use crate::messages::Drain;
use crate::options::EngineOptions;
use crate::pipeline::{Pipeline, SourceStep};
use crate::ports::{DeadLetters, PartitionNumbers, RunState};
use crate::progress::Progress;
use crate::report::RunReport;
use crate::taps::Taps;

/// Whether a run should go on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StopMode {
    /// Go on.
    #[default]
    Running,
    /// Read no more, commit what has been read, end.
    Drain,
}

/// Everything a run needs.
pub struct RunRequest {
    /// The run.
    pub run: RunContext,
    /// The steps.
    pub pipeline: Pipeline,
    /// Where the partitions of a new run begin when not at their beginning.
    pub starts: HashMap<(StepName, PartitionId), Position>,
    /// Earlier runs of the workflow that have ended or were abandoned.
    pub replaces: Vec<RunId>,
    /// How to use the machine.
    pub options: EngineOptions,
    /// Epochs and checkpoints.
    pub state: Arc<dyn RunState>,
    /// The numbers of its partitions.
    pub numbers: Arc<dyn PartitionNumbers>,
    /// Records set aside.
    pub dead_letters: Arc<dyn DeadLetters>,
    /// Updated while it runs.
    pub progress: Arc<Progress>,
    /// Set to [`StopMode::Drain`] to stop.
    pub stop: watch::Receiver<StopMode>,
}

/// The partitions of an interrupted run that is continued, else those an incremental run goes on from.
async fn known(request: &RunRequest) -> Result<Vec<(StepName, PartitionId)>, EngineError> {
    let state = Arc::clone(&request.numbers);
    let known = match tokio::task::spawn_blocking(move || state.partitions()).await {
        Ok(known) => known?,
        Err(error) => return Err(EngineError::Internal(format!("state store: {error}"))),
    };
    if !known.is_empty() {
        return Ok(known);
    }
    let mut starts: Vec<_> = request.starts.keys().cloned().collect();
    starts.sort();
    Ok(starts)
}

fn ids(found: &[FoundPartition]) -> Vec<(StepName, PartitionId)> {
    found.iter().map(|found| (found.source.clone(), found.info.id.clone())).collect()
}

/// Makes chains of the partitions that are found.
struct ChainFactory {
    run: RunContext,
    plans: HashMap<StepName, Arc<ChainPlan>>,
    starts: HashMap<(StepName, PartitionId), Position>,
    replaces: Arc<Vec<RunId>>,
    state: Arc<dyn RunState>,
    numbers: Arc<dyn PartitionNumbers>,
    dead_letters: Arc<dyn DeadLetters>,
    progress: Arc<Progress>,
    read: ReadOptions,
}

impl ChainFactory {
    fn plans(pipeline: &Pipeline) -> Result<HashMap<StepName, Arc<ChainPlan>>, EngineError> {
        let plan = |step: &SourceStep| Ok((step.name.clone(), Arc::new(ChainPlan::new(pipeline, step)?)));
        pipeline.sources.iter().map(plan).collect()
    }

    async fn make(&self, found: Vec<FoundPartition>) -> Result<Vec<OpenChain>, EngineError> {
        let (numbers, partitions) = (Arc::clone(&self.numbers), ids(&found));
        let numbered = tokio::task::spawn_blocking(move || numbers.number_partitions(&partitions)).await;
        let numbers = numbered.map_err(|error| EngineError::Internal(format!("state store: {error}")))??;
        let chain = |(FoundPartition { source, info }, index)| {
            self.progress.discovered(&source, &info.id, info.bytes, info.records);
            Some(OpenChain {
                run: self.run.clone(),
                plan: Arc::clone(self.plans.get(&source)?),
                read: self.plans.get(&source)?.read_options(self.read),
                start: self.starts.get(&(source, info.id.clone())).cloned(),
                partition: info,
                index,
                replaces: Arc::clone(&self.replaces),
                state: Arc::clone(&self.state),
                dead_letters: Arc::clone(&self.dead_letters),
            })
        };
        Ok(found.into_iter().zip(numbers).filter_map(chain).collect())
    }
}

/// Runs a pipeline to its end, to a failure or until it is told to stop. Must be called inside an actix `System`.
///
/// A failure before anything was opened (a connector that cannot be reached, a target that exists) is an error;
/// later ones are in the report, beside what was committed.
pub async fn run(mut request: RunRequest) -> Result<RunReport, EngineError> {
    let started = Instant::now();
    if request.pipeline.lacks_gates() {
        request.pipeline = request.pipeline.gated(&Desk::local(), request.run.run);
    }
    let found = discover(&request.pipeline, &request.run, &known(&request).await?).await?;
    let growth = rediscovery(&request.pipeline);
    let parallelism = request.pipeline.parallelism(request.options.parallelism);
    let at_once = if growth.is_some() { parallelism.get() } else { found.len().min(parallelism.get()) };
    let share = request.options.share(at_once);
    let arbiters: Vec<Arbiter> =
        (0..request.options.workers.get().min(at_once.max(1))).map(|_| Arbiter::new()).collect();
    let chains = ChainFactory {
        run: request.run.clone(),
        plans: ChainFactory::plans(&request.pipeline)?,
        starts: request.starts,
        replaces: Arc::new(request.replaces),
        state: Arc::clone(&request.state),
        numbers: request.numbers,
        dead_letters: Arc::clone(&request.dead_letters),
        progress: Arc::clone(&request.progress),
        read: share.read,
    };
    let mut known = ids(&found);
    let first = chains.make(found).await?;
    let (alive, mut vanished) = oneshot::channel();
    let supervisor = SupervisorActor::new(
        request.options.clone(),
        Arc::clone(&request.state),
        Arc::clone(&request.dead_letters),
        request.progress,
        // Nobody can ask a run of one process alone for its records.
        Arc::new(Taps::new(|_, _| serde_json::Value::Null)),
        arbiters.iter().map(Arbiter::handle).collect(),
        alive,
    )
    .start();
    let workflow = WorkflowActor::new(WorkflowSetup {
        run: request.run.clone(),
        chains: first,
        pipeline: request.pipeline.clone(),
        share,
        parallelism: parallelism.get(),
        grows: growth.is_some(),
        retry: request.options.retry.clone(),
        supervisor,
        started,
    })
    .start();
    let (sender, mut report) = oneshot::channel();
    let gone = |error: &dyn std::fmt::Display| EngineError::Internal(format!("workflow actor: {error}"));
    workflow.send(Begin(sender)).await.map_err(|error| gone(&error))?;
    let pipeline = request.pipeline;
    let growing = async {
        let Some(period) = growth else { return std::future::pending().await };
        loop {
            tokio::time::sleep(period).await;
            let found = match rediscover(&pipeline, &known).await {
                Ok(found) if found.is_empty() => continue,
                Ok(found) => found,
                Err(error) => {
                    tracing::warn!(%error, "looking for further partitions again later");
                    continue;
                }
            };
            known.extend(ids(&found));
            // What cannot be numbered now never will be: the state store is out of order.
            match chains.make(found).await {
                Ok(chains) => workflow.do_send(Grow(chains)),
                Err(error) => return error,
            }
        }
    };
    tokio::pin!(growing);
    let mut stop = request.stop;
    let mut stop_is_possible = true;
    let result = loop {
        tokio::select! {
            biased;
            result = &mut report => break result.map_err(|error| gone(&error)),
            error = &mut growing => break Err(error),
            _ = &mut vanished => {
                break Err(EngineError::Internal("the supervisor actor has vanished".to_owned()));
            }
            changed = stop.changed(), if stop_is_possible => match changed {
                Ok(()) if *stop.borrow() == StopMode::Drain => {
                    workflow.send(Drain).await.map_err(|error| gone(&error))?;
                }
                Ok(()) => {}
                // Nobody can ask for a stop any more.
                Err(_) => stop_is_possible = false,
            },
        }
    };
    for arbiter in &arbiters {
        arbiter.stop();
    }
    result
}
