use crate::group::Error;
use crate::hazards::outcome::Outcome;
use crate::hazards::site::{Effort, Site};

/// How often.
const TIMES: u32 = 3;

/// All members are killed at once, while clients write.
pub async fn run(effort: &Effort) -> Result<Outcome, Error> {
    let mut site = Site::found("kill-all", effort, 3, &[]).await?;
    for _ in 0..TIMES {
        site.more_writes(if site.short { 30 } else { 300 }).await?;
        let all: Vec<u8> = site.members.running().collect();
        for &member in &all {
            site.members.kill(member)?;
        }
        site.outcome.bite("kill -9 all", true);
        for &member in &all {
            site.members.start(member)?;
        }
        site.members.leader().await?;
        site.more_writes(20).await?;
    }
    site.finish().await
}
