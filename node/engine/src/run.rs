use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use actix::prelude::*;
use actix_rt::Arbiter;
use etl_model::{PartitionId, Position, RunId, StepName};
use etl_sdk::{PartitionInfo, RunContext};
use tokio::sync::{oneshot, watch};

use crate::EngineError;
use crate::actors::{Begin, SupervisorActor, WorkflowActor, WorkflowSetup};
use crate::chain::{ChainPlan, OpenChain};
use crate::coordination::{FoundPartition, discover};
use crate::messages::Drain;
use crate::options::EngineOptions;
use crate::pipeline::{Pipeline, SourceStep};
use crate::ports::{DeadLetters, PartitionNumbers, RunState};
use crate::progress::Progress;
use crate::report::RunReport;

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

/// The partitions of all sources, each with the plan of its chain.
async fn plan(request: &RunRequest) -> Result<Vec<(Arc<ChainPlan>, PartitionInfo)>, EngineError> {
    let found = discover(&request.pipeline, &request.run, &known(request).await?).await?;
    let of_source =
        |step: &SourceStep| (step.name.clone(), Arc::new(ChainPlan::new(&request.pipeline, step)));
    let plans: HashMap<StepName, Arc<ChainPlan>> = request.pipeline.sources.iter().map(of_source).collect();
    let mut chains = Vec::with_capacity(found.len());
    for FoundPartition { source, info } in found {
        request.progress.discovered(&source, &info.id, info.bytes, info.records);
        if let Some(plan) = plans.get(&source) {
            chains.push((Arc::clone(plan), info));
        }
    }
    Ok(chains)
}

async fn number(
    request: &RunRequest,
    chains: &[(Arc<ChainPlan>, PartitionInfo)],
) -> Result<Vec<usize>, EngineError> {
    let state = Arc::clone(&request.numbers);
    let partitions: Vec<_> =
        chains.iter().map(|(plan, partition)| (plan.source.name.clone(), partition.id.clone())).collect();
    match tokio::task::spawn_blocking(move || state.number_partitions(&partitions)).await {
        Ok(numbers) => Ok(numbers?),
        Err(error) => Err(EngineError::Internal(format!("state store: {error}"))),
    }
}

/// Runs a pipeline to its end, to a failure or until it is told to stop. Must be called inside an actix `System`.
///
/// A failure before anything was opened (a connector that cannot be reached, a target that exists) is an error;
/// later ones are in the report, beside what was committed.
pub async fn run(request: RunRequest) -> Result<RunReport, EngineError> {
    let started = Instant::now();
    let chains = plan(&request).await?;
    let numbers = number(&request, &chains).await?;
    let parallelism = request.pipeline.parallelism(request.options.parallelism);
    let share = request.options.share(chains.len().min(parallelism.get()));
    let arbiters: Vec<Arbiter> =
        (0..request.options.workers.get().min(chains.len().max(1))).map(|_| Arbiter::new()).collect();
    let (alive, mut vanished) = oneshot::channel();
    let supervisor = SupervisorActor::new(
        request.options.clone(),
        Arc::clone(&request.state),
        Arc::clone(&request.dead_letters),
        request.progress,
        arbiters.iter().map(Arbiter::handle).collect(),
        alive,
    )
    .start();
    let replaces = Arc::new(request.replaces);
    let chains = chains
        .into_iter()
        .zip(numbers)
        .map(|((plan, partition), index)| OpenChain {
            run: request.run.clone(),
            start: request.starts.get(&(plan.source.name.clone(), partition.id.clone())).cloned(),
            plan,
            partition,
            index,
            replaces: Arc::clone(&replaces),
            state: Arc::clone(&request.state),
            dead_letters: Arc::clone(&request.dead_letters),
            read: share.read,
        })
        .collect();
    let workflow = WorkflowActor::new(WorkflowSetup {
        run: request.run.clone(),
        chains,
        pipeline: request.pipeline,
        share,
        parallelism: parallelism.get(),
        retry: request.options.retry.clone(),
        supervisor,
        started,
    })
    .start();
    let (sender, mut report) = oneshot::channel();
    let gone = |error: &dyn std::fmt::Display| EngineError::Internal(format!("workflow actor: {error}"));
    workflow.send(Begin(sender)).await.map_err(|error| gone(&error))?;
    let mut stop = request.stop;
    let mut stop_is_possible = true;
    let result = loop {
        tokio::select! {
            biased;
            result = &mut report => break result.map_err(|error| gone(&error)),
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
