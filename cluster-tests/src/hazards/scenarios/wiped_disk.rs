use std::fs;

use etl_proto::admin::Consistency;

use super::{LONG, PATIENCE};
use crate::group::{Error, Failure, Members, retry};
use crate::hazards::newer_leader::Impostor;
use crate::hazards::outcome::Outcome;
use crate::hazards::site::{Effort, Site};

/// A term that no election of these tests reaches.
const FAR_AHEAD: u64 = 1_000_000;

/// Removes all that a member has.
pub fn wipe(members: &Members, member: u8) -> Result<(), Error> {
    let directory = members.directory(member);
    fs::remove_dir_all(&directory).map_err(Error::file(&directory))
}

/// A follower, and then the founder, loses its disk and is started under its old name.
pub async fn run(effort: &Effort) -> Result<Outcome, Error> {
    let mut site = Site::found("wiped-disk", effort, 3, &[]).await?;
    let follower = site.follower().await?;
    lose_disk(&mut site, follower).await?;
    if !site.short {
        let leader = site.members.leader().await?;
        lose_disk(&mut site, leader).await?;
    }
    found_by_mistake(&mut site).await?;
    site.finish().await
}

async fn lose_disk(site: &mut Site, member: u8) -> Result<(), Error> {
    let status = site.status().await?;
    let before = site.members.node_of(&status, member).cloned();
    let before = before.ok_or_else(|| Error::Unexpected(format!("member {member} is no node")))?;
    site.members.kill(member)?;
    wipe(&site.members, member)?;
    site.members.start(member)?;
    site.outcome.bite("disk wiped", true);

    // As soon as it is there at all, it must not be what it was.
    let (said, has_ended) = site.said(member, "ready: node").await?;
    if has_ended {
        return Err(Error::Unexpected(format!("a wiped member does not come back: {said}")));
    }
    let status = site.status().await?;
    let other = status.nodes.iter().find(|node| node.id != before.id && node.id == status.leader);
    let other = other.ok_or_else(|| Error::Unexpected("a wiped member leads".to_owned()))?.id;
    let asked = Impostor::new(&status, other, &before)?.ask_for_vote(FAR_AHEAD, FAR_AHEAD).await;
    let is_refused = asked.as_ref().is_err_and(|refusal| {
        let message = refusal.message();
        message.contains(&format!("node {}", before.id)) && message.contains("looks for node")
    });
    site.outcome.expect("asked for a vote as the old node it refuses and says who it is", is_refused);
    if !is_refused {
        site.outcome.figures.push(format!("asked for a vote: {asked:?}"));
    }
    let is_new = site.members.process(member)?.said().contains("joined");
    site.outcome.expect("it joins as a new node under a new id", is_new);

    let told = site.operate(&["cluster", "status"]).await?.succeeded("cluster status")?;
    let remedy = format!("cluster remove {} --force", before.id);
    site.outcome.expect("the status says how to remove the old node", told.out.contains(&remedy));
    site.replace(member, before.id).await?;
    site.reads_the_same(member).await?;
    site.more_writes(20).await
}

/// The member that has founded the group is wiped and founds another one at its address: nobody may take that for the same.
async fn found_by_mistake(site: &mut Site) -> Result<(), Error> {
    let member = 1;
    site.quiet().await?;
    let before = site.node(member).await?;
    let cluster = site.status().await?.cluster_id;
    site.members.kill(member)?;
    wipe(&site.members, member)?;
    let others: Vec<u8> = site.members.running().collect();
    let clients = others.iter().map(|&other| site.members.client(other, PATIENCE));
    let clients = clients.collect::<Result<Vec<_>, _>>()?;
    site.write_to(&clients);
    site.members.found_anew(member)?;
    site.said(member, "ready: node").await?;
    site.more_writes(20).await?;
    site.outcome.bite("founded anew by mistake", true);

    let unexpected = |failure: Failure| Error::Unexpected(format!("{failure:?}"));
    let mut theirs = site.members.client(member, PATIENCE)?;
    let theirs = theirs.status(Consistency::Linearizable).await.map_err(unexpected)?;
    let is_other = theirs.cluster_id != cluster && theirs.nodes.len() == 1;
    site.outcome.expect("it is another cluster", is_other);
    let other = others.first().copied().unwrap_or(member);
    let refusal = retry(LONG, || {
        let mut ours = site.members.client(other, PATIENCE);
        let theirs = &theirs.cluster_id;
        async move {
            let ours = ours.as_mut().map_err(|error| Failure::Refused(error.to_string()))?;
            let status = ours.status(Consistency::Linearizable).await?;
            let refusals = status.problems.iter().filter(|problem| problem.code == "refused");
            let names_both = |message: &str| message.contains(theirs) && message.contains(&status.cluster_id);
            match refusals.map(|problem| &problem.message).find(|message| names_both(message)) {
                Some(_) => Ok(status.cluster_id),
                None => Err(Failure::Unknown(format!("{status:?}"))),
            }
        }
    });
    let refusal = refusal.await;
    site.outcome.expect("the status of the others names both clusters", refusal.is_ok());
    site.outcome.expect("the others go on as they were", refusal.is_ok_and(|ours| ours == cluster));

    site.members.kill(member)?;
    wipe(&site.members, member)?;
    site.members.start(member)?;
    site.replace(member, before).await?;
    site.reads_the_same(member).await
}
