use std::time::Instant;

use crate::group::Error;
use crate::hazards::outcome::Outcome;
use crate::hazards::site::{Effort, Site};

/// Members are stopped and started again, one after the other, while clients write.
pub async fn run(effort: &Effort) -> Result<Outcome, Error> {
    let size = if effort.short { 3 } else { 5 };
    let mut site = Site::found("rolling-restart", effort, size, &[]).await?;
    site.more_writes(if site.short { 50 } else { 1000 }).await?;
    let calm = site.ledger.lock().latency(0);
    let mark = site.ledger.lock().mark();
    let began = Instant::now();
    for member in 1..=size {
        let status = site.members.stop(member).await?;
        site.outcome.bite("restart", true);
        site.outcome.expect("a member that is asked to stop ends with exit code 0", status.success());
        site.members.start(member)?;
        site.said(member, "ready: node").await?;
        site.reads_the_same(member).await?;
        site.more_writes(20).await?;
    }
    site.outcome.figures.push(format!("{size} members in {:.1} s", began.elapsed().as_secs_f64()));
    let restarting = site.ledger.lock().latency(mark);
    site.outcome.compare_latencies(calm, restarting);
    site.finish().await
}
