use std::time::Duration;

use etl_api::AdminClient;
use etl_api::model::{RunPhase, RunTarget};
use tokio::time::{MissedTickBehavior, interval};

use crate::arguments::{Output, ServerArguments};
use crate::cluster_client::PATIENCE;
use crate::view::RunWatchView;
use crate::{Error, Exit};

/// How often the rate is shown anew while nothing changes.
const TICK: Duration = Duration::from_millis(500);

pub(super) async fn watch_named(server: &ServerArguments, what: &str, output: Output) -> Result<Exit, Error> {
    watch(&server.client(PATIENCE)?, &RunTarget::from(what), output).await
}

/// Shows how a run goes until it is over, and ends as it does.
pub(in crate::commands) async fn watch(
    client: &AdminClient,
    target: &RunTarget,
    output: Output,
) -> Result<Exit, Error> {
    let mut watch = client.watch_run(target);
    let mut shown = RunWatchView::new(output);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut phase = None;
    loop {
        let next = watch.next();
        tokio::pin!(next);
        let told = loop {
            tokio::select! {
                told = &mut next => break told?,
                _ = ticks.tick() => shown.tick(),
            }
        };
        let Some(view) = told else { break };
        phase = Some(view.summary.phase);
        shown.show(view)?;
    }
    shown.finish()?;
    Ok(match phase {
        Some(RunPhase::Completed) => Exit::Success,
        _ => Exit::Findings,
    })
}
