use std::fs;

use etl_proto::admin::{GetClusterStatusResponse, NodeState};

use crate::group::{Error, voters};
use crate::hazards::flip::Part;
use crate::hazards::outcome::Outcome;
use crate::hazards::site::{Effort, Site};

/// As it is counted.
const STATE_DETECTED: &str = "state: detected";
/// One of so many bits of the state is one that is used, almost certainly.
const MANY: u32 = 40;

/// Bits turn over in what a follower keeps, one at a time, while it is stopped; and in the leader's snapshot before it is sent.
pub async fn run(effort: &Effort) -> Result<Outcome, Error> {
    let often = ["--raft-snapshot-after", "60", "--raft-keep-entries", "10"];
    let mut site = Site::found("flipped-bits", effort, 3, &often).await?;
    // So that there are snapshots.
    site.more_writes(150).await?;
    for part in Part::ALL {
        for _ in 0..if site.short { 1 } else { 5 } {
            flip(&mut site, part).await?;
        }
    }
    if !site.short {
        // Much of what a database writes it does not use any more.
        let is_seen = |site: &Site| site.outcome.bit.contains_key(STATE_DETECTED);
        for _ in 0..MANY {
            if is_seen(&site) {
                break;
            }
            flip(&mut site, Part::State).await?;
        }
        let is_seen = is_seen(&site);
        site.outcome.expect("damage of the state is seen", is_seen);
    }
    destroy(&mut site).await?;
    send(&mut site).await?;
    site.finish().await
}

/// Turns over one bit of a follower that is stopped, and starts it.
async fn flip(site: &mut Site, part: Part) -> Result<(), Error> {
    let member = site.follower().await?;
    let before = site.node(member).await?;
    let status = site.members.stop(member).await?;
    if !status.success() {
        return Err(Error::Unexpected(format!("member {member} ended with {status}")));
    }
    let directory = site.members.directory(member);
    let Some(flip) = part.flip(&directory, &mut site.random)? else {
        site.outcome.bite(part.name(), false);
        return Ok(());
    };
    site.members.start(member)?;
    let (said, has_ended) = site.said(member, "ready: node").await?;
    let place = flip.path.strip_prefix(&directory).unwrap_or(&flip.path).display().to_string();
    if has_ended {
        let (_, said) = site.members.until_ended(member).await?;
        return Err(Error::Unexpected(format!("{place}, byte {}: not started: {said}", flip.byte)));
    }
    let file = flip.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let (words, is_new) = match part {
        Part::Log | Part::Vote | Part::Identity => ("the data of this node is damaged", true),
        Part::State => ("the state is damaged and made anew", false),
        Part::Snapshot => ("a damaged snapshot has been set aside", false),
    };
    let is_detected = said.contains(words);
    if !is_detected && part != Part::State {
        site.outcome.figures.push(format!("{place}, byte {}: not seen", flip.byte));
    }
    let fate = if is_detected { "detected" } else { "in what is not used" };
    site.outcome.bite(&format!("{}: {fate}", part.name()), is_detected || part == Part::State);
    if is_detected {
        let names = if part == Part::State { "state" } else { file };
        site.outcome.expect(&format!("{}: the message names it", part.name()), said.contains(names));
    }
    if is_new && is_detected {
        let is_kept = directory.join("quarantine-1").is_dir();
        site.outcome.expect("damaged data is set aside, and the node joins under a new id", is_kept);
        site.replace(member, before).await?;
    }
    site.reads_the_same(member).await?;
    site.more_writes(70).await
}

/// A follower's whole log is overwritten with something else.
async fn destroy(site: &mut Site) -> Result<(), Error> {
    let member = site.follower().await?;
    let before = site.node(member).await?;
    site.members.kill(member)?;
    let log = site.members.directory(member).join("wal");
    for entry in fs::read_dir(&log).map_err(Error::file(&log))? {
        let path = entry.map_err(Error::file(&log))?.path();
        let length = fs::metadata(&path).map_err(Error::file(&path))?.len();
        let noise = std::iter::repeat_with(|| site.random.u8(..));
        // Logs of these tests are small.
        fs::write(&path, noise.take(length as usize).collect::<Vec<_>>()).map_err(Error::file(&path))?;
    }
    site.members.start(member)?;
    let after = site.replace(member, before).await?;
    site.outcome.bite("log overwritten", after != before);
    site.reads_the_same(member).await
}

/// The newest snapshot of the leader turns bad while it runs; then a node joins that needs it. Once more when the leader has
/// made another one meanwhile.
async fn send(site: &mut Site) -> Result<(), Error> {
    let is_seen = send_once(site, 1).await? || send_once(site, 2).await?;
    site.outcome.bite("snapshot: bad when it is sent", is_seen);
    Ok(())
}

/// Whether somebody has noticed it. `number` is that of the node that joins.
async fn send_once(site: &mut Site, number: u8) -> Result<bool, Error> {
    site.more_writes(150).await?;
    site.quiet().await?;
    let leader = site.members.leader().await?;
    let directory = site.members.directory(leader);
    // There are at most two, of which the newer one counts.
    let mut flips = 0;
    for _ in 0..16 {
        flips += u64::from(Part::Snapshot.flip(&directory, &mut site.random)?.is_some());
    }
    let newcomer = site.size() + number;
    site.members.start(newcomer)?;
    let (receiver, _) = site.said(newcomer, "ready: node").await?;
    let is_full = |status: &GetClusterStatusResponse| {
        voters(status).count() >= 3
            && status.nodes.iter().any(|node| {
                node.state() == NodeState::Up && receiver.contains(&format!("ready: node {} ", node.id))
            })
    };
    site.members.wait_for("a node that needs a snapshot is up although the leader's is bad", is_full).await?;
    let said = [site.members.process(leader)?.said(), site.members.process(newcomer)?.said()].concat();
    let is_seen = said.contains("checksum") || said.contains("damaged");
    site.reads_the_same(newcomer).await?;
    site.write()?;
    Ok(flips > 0 && is_seen)
}
