use etl_proto::raft::LogId;

use crate::group::Error;
use crate::hazards::newer_leader::{Impostor, UNKNOWN_COMMAND};
use crate::hazards::outcome::Outcome;
use crate::hazards::site::{Effort, Site};

/// A follower is led by newer software, which has a command agreed on that the follower does not know. In the place of the
/// newer leader, whose process does not run, the test speaks.
pub async fn run(effort: &Effort) -> Result<Outcome, Error> {
    let mut site = Site::found("newer-leader", effort, 3, &[]).await?;
    site.more_writes(if site.short { 30 } else { 300 }).await?;
    site.quiet().await?;
    let member = site.follower().await?;
    site.reads_the_same(member).await?;
    let known = site.ledger.lock().clone();
    let found = known.look_up(&site.members).await?;
    site.outcome.look_up(found);

    let status = site.status().await?;
    let me = site.members.node_of(&status, member).cloned();
    let me = me.ok_or_else(|| Error::Unexpected(format!("member {member} is no node")))?;
    let mut impostor = Impostor::new(&status, status.leader, &me)?;
    let others: Vec<u8> = site.members.running().filter(|&other| other != member).collect();
    for &other in &others {
        site.members.kill(other)?;
    }
    // Nothing was written since the leader of this term was elected and wrote the last entry.
    let last = LogId { term: status.term, node: status.leader, index: status.last_index };
    let answer = impostor.lead_into_the_unknown(last).await;
    site.outcome.figures.push(format!("the append is answered with {}", short(&format!("{answer:?}"))));
    let (ended, said) = site.members.until_ended(member).await?;
    site.outcome.bite("unknown command agreed on", !ended.success());
    let is_clear = |said: &str| said.contains(UNKNOWN_COMMAND) && said.contains("upgrade this node");
    site.outcome.expect("it stops, names the command and says what to do", is_clear(&said));

    // The command is in its log: it must not get past it by starting again.
    site.members.start(member)?;
    let (ended, said) = site.members.until_ended(member).await?;
    site.outcome.bite("started again", !ended.success());
    site.outcome.expect("it stops again at the same command", is_clear(&said));

    for &other in &others {
        site.members.start(other)?;
    }
    site.members.leader().await?;
    site.finish().await
}

fn short(text: &str) -> String {
    text.chars().take(80).collect()
}
