use etl_proto::admin::GetClusterStatusResponse;

use crate::group::Error;
use crate::hazards::outcome::Outcome;
use crate::hazards::site::{Effort, Site};
use crate::node_under_test::SOFTWARE;

/// The version and feature level that a newer node says it has.
const NEWER: (&str, u32) = ("99.0.0", 2);

fn has_problem(status: &GetClusterStatusResponse, code: &str) -> bool {
    status.problems.iter().any(|problem| problem.code == code)
}

/// Members are replaced by newer ones, one after the other, while clients write. Then one goes back.
pub async fn run(effort: &Effort) -> Result<Outcome, Error> {
    let mut site = Site::found("rolling-upgrade", effort, 3, &[]).await?;
    let older = site.status().await?.feature_level;
    let (version, level) = NEWER;
    let newer = format!("{version}:{level}");
    for member in 1..=site.size() {
        site.members.stop(member).await?;
        site.members.set_environment(member, &[(SOFTWARE, &newer)]);
        site.members.start(member)?;
        site.said(member, "ready: node").await?;
        let node = site.node(member).await?;
        let upgraded = |status: &GetClusterStatusResponse| {
            status.nodes.iter().any(|each| each.id == node && each.feature_level == level)
        };
        let status = site.members.wait_for("a node says that it is newer", upgraded).await?;
        site.outcome.bite("node upgraded", true);
        site.reads_the_same(member).await?;
        site.more_writes(20).await?;
        if member < site.size() {
            let again = site.status().await?;
            let stays = status.feature_level == older && again.feature_level == older;
            site.outcome.expect("the level stays while an older node is there", stays);
            let is_told = has_problem(&again, "mixed_versions");
            site.outcome.expect("`mixed_versions` is told meanwhile", is_told);
        }
    }
    let raised = |status: &GetClusterStatusResponse| status.feature_level == level;
    site.members.wait_for("the level is raised when all nodes have it", raised).await?;
    site.outcome.expect("the level is raised when all nodes have it", true);
    let status = site.status().await?;
    site.outcome.expect("`mixed_versions` is told no more", !has_problem(&status, "mixed_versions"));

    // Back to older software: it must see that the state has gone beyond what it knows.
    let member = site.follower().await?;
    site.members.stop(member).await?;
    site.members.set_environment(member, &[]);
    site.members.start(member)?;
    let (ended, said) = site.members.until_ended(member).await?;
    site.outcome.bite("node downgraded", !ended.success());
    let is_clear = said.contains("needs feature level 2") && said.contains("upgrade this node");
    site.outcome.expect("older software refuses the newer state and says what to do", is_clear);

    let stranger = site.size() + 1;
    site.members.start(stranger)?;
    let (ended, said) = site.members.until_ended(stranger).await?;
    site.outcome.bite("older node joins", !ended.success());
    let is_clear = said.contains("feature level");
    site.outcome.expect("a node of an older level is not let in", is_clear);
    site.more_writes(20).await?;
    site.finish().await
}
