use std::collections::BTreeMap;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use etl_api::AdminClient;
use etl_api::model::{Consistency, RunPhase, RunSummary, RunTarget, RunView};
use futures::future::join_all;

use super::snapshot::Snapshot;
use crate::Error;

/// Runs that are asked for.
const RUNS: u32 = 50;
/// Of those, runs whose counters are asked for.
const COUNTED: usize = 20;

/// A run of which nothing more is known.
fn listed_only(summary: RunSummary) -> RunView {
    RunView {
        summary,
        coordinator: None,
        shards: BTreeMap::new(),
        routes: Vec::new(),
        unreadable_checkpoints: 0,
        dead_letters: BTreeMap::new(),
    }
}

/// Looks at a cluster.
pub(crate) struct Poll {
    pub client: AdminClient,
    pub consistency: Consistency,
}

impl Poll {
    /// What is so now; with the partitions of a run where one is named.
    pub async fn look(&self, partitions_of: Option<RunTarget>) -> Result<Snapshot, Error> {
        let Self { client, consistency } = self;
        let partitions = async {
            match &partitions_of {
                Some(target) => client.run_partitions(target, *consistency).await.map(Some),
                None => Ok(None),
            }
        };
        let (status, listed, partitions) = tokio::try_join!(
            client.cluster_status(*consistency),
            client.list_runs(None, Some(RUNS), *consistency),
            partitions
        )?;
        let is_over = |phase| matches!(phase, RunPhase::Completed | RunPhase::Cancelled | RunPhase::Replaced);
        // Those that go on first.
        let (mut wanted, over): (Vec<_>, Vec<_>) = listed.into_iter().partition(|run| !is_over(run.phase));
        wanted.extend(over);
        wanted.truncate(COUNTED);
        let asked = wanted.into_iter().map(|summary| async move {
            let target = RunTarget::Run(summary.run);
            // One that is gone meanwhile is shown as it was listed.
            client.run(&target, *consistency).await.unwrap_or_else(|_| listed_only(summary))
        });
        let runs = join_all(asked).await;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        Ok(Snapshot { at: Instant::now(), now_ms, status, runs, partitions })
    }
}
