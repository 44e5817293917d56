use std::time::Instant;

use etl_proto::admin::Consistency;

use super::wiped_disk::wipe;
use crate::group::{Error, tool};
use crate::hazards::outcome::Outcome;
use crate::hazards::site::{Effort, Site};

/// Two of three nodes are lost for ever; the last one goes on alone, and new ones join it.
pub async fn run(effort: &Effort) -> Result<Outcome, Error> {
    let mut site = Site::found("recover", effort, 3, &[]).await?;
    site.more_writes(if site.short { 60 } else { 3000 }).await?;
    site.quiet().await?;
    let survivor = site.follower().await?;
    // What has not reached the survivor cannot be saved, and need not be.
    site.reads_the_same(survivor).await?;
    let cluster = site.status().await?.cluster_id;
    let lost: Vec<u8> = site.members.running().filter(|&member| member != survivor).collect();
    for &member in &lost {
        site.members.kill(member)?;
        wipe(&site.members, member)?;
    }
    site.outcome.bite("majority lost", true);
    warns(&mut site, survivor).await?;

    let addresses = site.members.addresses();
    let directory = site.members.directory(survivor).display().to_string();
    let (raft, admin) = (addresses.raft(survivor), addresses.admin(survivor));
    let place = ["--data-dir", &directory, "--raft-advertise", &raft, "--admin-advertise", &admin];
    let recover = [&["cluster", "recover"][..], &place].concat();
    let confirmed = [&recover[..], &["--yes-the-majority-is-lost"]].concat();
    let running = tool(&confirmed).await?;
    let is_refused = running.code != Some(0) && running.err.contains("is in use by process");
    site.outcome.expect("a node that runs is not recovered", is_refused);
    site.members.stop(survivor).await?;
    let unconfirmed = tool(&recover).await?;
    let is_refused = unconfirmed.code == Some(2) && unconfirmed.err.contains("--yes-the-majority-is-lost");
    site.outcome.expect("without confirmation nothing is done", is_refused);
    let told = tool(&confirmed).await?.succeeded("cluster recover")?;
    site.outcome.bite("recover", true);
    site.outcome.expect("a loud warning", told.err.contains("WARNING"));

    site.members.start(survivor)?;
    site.members.leader().await?;
    let now = site.status().await?.cluster_id;
    site.outcome.expect("the cluster has a new id", now != cluster);
    let all = usize::from(site.size());
    for &member in &lost {
        site.members.start(member)?;
    }
    site.members.wait_for("new nodes vote", |status| crate::group::voters(status).count() == all).await?;
    site.write()?;
    site.more_writes(20).await?;
    site.finish().await
}

/// The survivor has no leader, says so, and says what there is to do.
async fn warns(site: &mut Site, survivor: u8) -> Result<(), Error> {
    let mut client = site.members.client(survivor, super::PATIENCE)?;
    let began = Instant::now();
    let told = loop {
        let status = client.status(Consistency::Stale).await;
        let status = status.map_err(|failure| Error::Unexpected(format!("{failure:?}")))?;
        let no_leader = status.problems.into_iter().find(|problem| problem.code == "no_leader");
        if no_leader.is_some() || began.elapsed() > super::LONG {
            break no_leader;
        }
        tokio::time::sleep(super::GLANCE).await;
    };
    let is_told = told.is_some_and(|problem| problem.remedy.contains("cluster recover"));
    site.outcome.expect("the survivor says that nobody leads and names `cluster recover`", is_told);
    Ok(())
}
