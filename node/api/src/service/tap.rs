use etl_cluster::{NodeRecord, Sampling, TapNews, TapOrder};
use etl_model::{PartitionId, StepName};
use etl_proto::admin as wire;
use etl_raft_state::State;
use futures::{Stream, StreamExt};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use uuid::Uuid;

use super::Shared;
use super::run_target::to_read;
use super::run_views::summary;
use super::suggestion::not_there;
use crate::model::{RunSummary, RunTarget, TapOptions, TapSampling, TapTold, TappedRecord};
use crate::refusal::{Kind, Refusal};

/// What is known of a run whose records are to be shown.
struct Seen {
    summary: RunSummary,
    /// Of its version of the workflow; empty when it is not kept.
    document: String,
    /// Names of its partitions.
    partitions: Vec<String>,
}

impl Seen {
    fn read(state: &State, target: &RunTarget) -> Result<Self, Refusal> {
        let run = to_read(state, target)?;
        // What was found a moment ago in the same state is there.
        let known = state.runs().get(run).ok_or_else(|| {
            Refusal::new(Kind::NotFound, "not_found", format!("run {run} is not kept any more"))
        })?;
        Ok(Self {
            summary: summary(state, run, known),
            document: state.workflows().document(&known.hash).unwrap_or_default().to_owned(),
            partitions: state.partitions().of_run(run).map(|(key, _)| key.partition.clone()).collect(),
        })
    }
}

impl Shared {
    /// Shows records as they pass a step of a run on all nodes.
    pub(super) async fn tap_step(
        &self,
        request: wire::TapStepRequest,
    ) -> Result<impl Stream<Item = Result<wire::TapStepResponse, Status>> + use<>, Refusal> {
        let permit = self.watchers.enter()?;
        let target = RunTarget::from_wire(request.target.clone())?;
        let options = TapOptions::from_wire(request)?;
        let seen = self.consensus.read(move |state| Seen::read(state, &target)).await??;
        let order = self.tap_order(&options, seen).await?;
        let run = Uuid::from(order.run);
        let told = self.duties.tap(order, options.limit.map(std::num::NonZeroU64::get));
        let told = ReceiverStream::new(told).map(move |news| {
            let _permit = &permit;
            Ok(describe(run, news).into())
        });
        let stopped = self.consensus.clone();
        Ok(told.take_until(async move { drop(stopped.stopped().await) }))
    }

    /// Checks that there will be something to see.
    async fn tap_order(&self, options: &TapOptions, seen: Seen) -> Result<TapOrder, Refusal> {
        let Seen { summary, document, partitions } = seen;
        let RunSummary { run, workflow, phase, .. } = &summary;
        if phase.is_over() {
            let message = format!("run {run} of workflow `{workflow}` is over ({})", phase.as_str());
            return Err(Refusal::new(Kind::Precondition, "not_running", message)
                .help("records are shown while they go by; tap a run that has not ended"));
        }
        // A document that this node cannot read, because it has other variables, has steps all the same.
        let steps = self.linter.steps(document).await?.unwrap_or_default();
        if !steps.is_empty() && !steps.contains(&options.step) {
            let what = format!("workflow `{workflow}` has no step `{}`", options.step);
            return Err(not_there(what, &options.step, &steps));
        }
        if let Some(partition) = &options.partition
            && summary.partitions.complete
            && !partitions.contains(partition)
        {
            let what = format!("run {run} of workflow `{workflow}` has no partition `{partition}`");
            return Err(not_there(what, partition, &partitions));
        }
        let step = StepName::new(&options.step)
            .map_err(|error| Refusal::new(Kind::Invalid, "invalid_request", error.to_string()))?;
        Ok(TapOrder {
            run: (*run).into(),
            step,
            partition: options.partition.clone().map(PartitionId),
            sampling: match options.sampling {
                TapSampling::OneIn(n) => Sampling::OneIn(n),
                TapSampling::PerSecond(rate) => Sampling::PerSecond(rate),
            },
        })
    }
}

fn describe(run: Uuid, news: TapNews) -> TapTold {
    let record = |record: NodeRecord| {
        let NodeRecord { node, source, partition, ordinal, json, json_bytes } = record;
        TappedRecord { node, source, partition, ordinal, json, json_bytes }
    };
    TapTold { run, seen: news.seen, records: news.records.into_iter().map(record).collect() }
}
