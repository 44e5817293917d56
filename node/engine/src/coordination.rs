use std::collections::{HashMap, HashSet};
use std::time::Duration;

use etl_model::{PartitionId, Retry, Route, Shard, StepName};
use etl_sdk::{PartitionInfo, RetryPolicy, RunContext, failpoint};

use crate::EngineError;
use crate::chain::ChainPlan;
use crate::guard::Guard;
use crate::pipeline::{DestinationStep, Pipeline};

/// A partition as its source has told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundPartition {
    /// The source.
    pub source: StepName,
    /// The partition.
    pub info: PartitionInfo,
}

/// Checks every connector, then finds the partitions of all sources, in their order. `known` are the partitions that
/// the run has already, or those an incremental run goes on from.
pub async fn discover(
    pipeline: &Pipeline,
    run: &RunContext,
    known: &[(StepName, PartitionId)],
) -> Result<Vec<FoundPartition>, EngineError> {
    for step in &pipeline.destinations {
        Guard::new(step.name.clone()).call("check", step.destination.check(run)).await?;
    }
    let mut found = Vec::new();
    for step in &pipeline.sources {
        let guard = Guard::new(step.name.clone());
        guard.call("check", step.source.check()).await?;
        let known: Vec<_> =
            known.iter().filter(|(source, _)| *source == step.name).map(|(_, id)| id.clone()).collect();
        let discovery = guard.call("discover", step.source.discover(&known)).await?;
        let of_step = |info| FoundPartition { source: step.name.clone(), info };
        found.extend(discovery.partitions.into_iter().map(of_step));
    }
    Ok(found)
}

/// How often further partitions are to be looked for; `None` when those found first are all.
pub fn rediscovery(pipeline: &Pipeline) -> Option<Duration> {
    pipeline.sources.iter().filter_map(|step| step.source.rediscovery()).min()
}

/// The partitions that have come since `known`, of the sources that go on finding some.
pub async fn rediscover(
    pipeline: &Pipeline,
    known: &[(StepName, PartitionId)],
) -> Result<Vec<FoundPartition>, EngineError> {
    let mut found = Vec::new();
    for step in pipeline.sources.iter().filter(|step| step.source.rediscovery().is_some()) {
        let of_step: Vec<PartitionId> =
            known.iter().filter(|(source, _)| *source == step.name).map(|(_, id)| id.clone()).collect();
        let guard = Guard::new(step.name.clone());
        let discovery = guard.call("discover", step.source.discover(&of_step)).await?;
        let of_step: HashSet<PartitionId> = of_step.into_iter().collect();
        let new = discovery.partitions.into_iter().filter(|info| !of_step.contains(&info.id));
        found.extend(new.map(|info| FoundPartition { source: step.name.clone(), info }));
    }
    Ok(found)
}

/// Completes every destination of a run whose routes are all done, with their retry policies, `retry` where they have none; all at once, and each again
/// after a crash. `partitions` are all of the run, in the order of their numbers. The errors are those of the
/// destinations that could not be completed.
pub async fn complete(
    pipeline: &Pipeline,
    run: &RunContext,
    partitions: &[(StepName, PartitionId)],
    retry: &RetryPolicy,
) -> Vec<EngineError> {
    let completions = pipeline.destinations.iter().map(|step| {
        let routes = routes_into(&step.name, pipeline, run, partitions);
        let own = pipeline.limits.get(&step.name).and_then(|limits| limits.retry.as_ref());
        let retry = own.unwrap_or(retry);
        async move { complete_one(step, run, &routes?, retry).await }
    });
    futures::future::join_all(completions).await.into_iter().filter_map(Result::err).collect()
}

/// All routes into a destination, in the order of the partitions, and of the shards of each.
fn routes_into(
    destination: &StepName,
    pipeline: &Pipeline,
    run: &RunContext,
    partitions: &[(StepName, PartitionId)],
) -> Result<Vec<Route>, EngineError> {
    let mut shards: HashMap<&StepName, Vec<Option<Shard>>> = HashMap::new();
    for source in &pipeline.sources {
        let plan = ChainPlan::new(pipeline, source)?;
        let outputs = plan.outputs.iter().filter(|output| output.step.name == *destination);
        shards.insert(&source.name, outputs.map(|output| output.shard).collect());
    }
    let of_partition = |(source, partition): &(StepName, PartitionId)| {
        let of_shard = |shard: &Option<Shard>| Route {
            workflow: run.workflow.clone(),
            source: source.clone(),
            partition: partition.clone(),
            destination: destination.clone(),
            shard: *shard,
        };
        shards.get(source).into_iter().flatten().map(of_shard).collect::<Vec<_>>()
    };
    Ok(partitions.iter().flat_map(of_partition).collect())
}

async fn complete_one(
    step: &DestinationStep,
    run: &RunContext,
    routes: &[Route],
    retry: &RetryPolicy,
) -> Result<(), EngineError> {
    let guard = Guard::new(step.name.clone());
    guard.call("complete", async { failpoint("all_routes_done") }).await?;
    let mut pauses = retry.pauses();
    loop {
        let result = guard.call("complete", step.destination.complete(run, routes)).await;
        match result {
            Err(error) if error.retry() == Retry::Backoff => match pauses.next() {
                Some(pause) => {
                    tracing::warn!(run = %run.run, destination = %step.name, %error, ?pause, "retrying completion");
                    tokio::time::sleep(pause).await;
                }
                None => return Err(error),
            },
            other => return other,
        }
    }
}
