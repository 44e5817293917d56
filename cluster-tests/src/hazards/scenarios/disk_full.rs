use etl_proto::admin::GetClusterStatusResponse;
use rustix::process::geteuid;

use crate::group::Error;
use crate::hazards::mount::Ballast;
use crate::hazards::outcome::Outcome;
use crate::hazards::site::{Effort, Site};

/// Size of the small disks.
const MIB: u64 = 192;
/// What is left when the disk is low: between what is told as low and what is told as full.
const LOW: u64 = MIB * 7 / 100;

/// The disk of a follower, and then of the leader, fills up until its writes fail; then there is room again.
pub async fn run(effort: &Effort) -> Result<Outcome, Error> {
    if !geteuid().is_root() {
        let why = "needs root, to mount a small disk".to_owned();
        return Ok(Outcome { scenario: "disk-full", left_out: vec![why], ..Outcome::default() });
    }
    let disks = [(1, MIB), (2, MIB), (3, MIB)];
    let mut site = Site::prepare("disk-full", effort, 3, &[], &disks)?.begin().await?;
    let follower = site.follower().await?;
    fill(&mut site, follower, "follower's disk full").await?;
    let leader = site.members.leader().await?;
    fill(&mut site, leader, "leader's disk full").await?;
    site.finish().await
}

async fn fill(site: &mut Site, member: u8, fault: &str) -> Result<(), Error> {
    let node = site.node(member).await?;
    let directory = site.members.directory(member);
    let mut ballast = Ballast::new(&directory)?;
    // Clients would use up what is left before it is told of.
    site.quiet().await?;
    ballast.leave(LOW << 20)?;
    let is_low = |status: &GetClusterStatusResponse| {
        status.problems.iter().any(|problem| problem.node == node && problem.code == "disk_low")
    };
    let status = site.members.wait_for("a disk that is nearly full is told of", is_low).await?;
    let mut told: Vec<_> = status.problems.iter().map(|problem| (problem.node, &problem.code)).collect();
    let all = told.len();
    told.sort();
    told.dedup();
    site.outcome.expect("no problem is told twice", told.len() == all);
    let told = site.operate(&["cluster", "status"]).await?.succeeded("cluster status")?;
    let lines =
        told.out.lines().filter(|line| line.contains("disk_low") && line.contains(&format!("node {node} ")));
    let lines = lines.count();
    site.outcome.expect("`cluster status` shows `disk_low` before, once", lines == 1);

    site.write()?;
    ballast.leave(0)?;
    let (ended, said) = site.members.until_ended(member).await?;
    site.outcome.bite(fault, !ended.success());
    let is_named = said.lines().any(|line| line.contains("No space left") && names(line, &directory));
    site.outcome.expect("it stops with a message that names the path", is_named);
    if !is_named {
        let last: Vec<&str> = said.lines().rev().take(4).collect();
        site.outcome.figures.push(format!("{fault}: {last:?}"));
    }
    site.more_writes(if site.short { 30 } else { 1000 }).await?;

    ballast.remove()?;
    site.members.start(member)?;
    let (said, has_ended) = site.said(member, "ready: node").await?;
    if has_ended {
        return Err(Error::Unexpected(format!("with room again it does not start: {said}")));
    }
    let is_same = site.node(member).await? == node;
    site.outcome.expect("with room again it comes back as what it was", is_same);
    site.reads_the_same(member).await
}

fn names(line: &str, directory: &std::path::Path) -> bool {
    line.contains(&directory.display().to_string())
}
