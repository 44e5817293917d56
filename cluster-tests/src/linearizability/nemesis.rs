use std::collections::BTreeMap;
use std::time::Duration;

use etl_proto::admin::{Node, NodeState, TransferLeaderRequest};
use rustix::process::Signal;

use crate::group::{Error, Members};

/// How long a fault lasts.
const LASTS: Duration = Duration::from_secs(3);
/// How often a leader is asked to hand over.
const ATTEMPTS: u32 = 5;

/// Something that happens to a group while clients are at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    KillLeader,
    KillFollower,
    KillAll,
    /// The leader is stopped with SIGSTOP and wakes up later.
    PauseLeader,
    PauseFollower,
    /// The leader is cut off, together with a minority.
    LeaderInMinority,
    /// A follower is cut off.
    FollowerAlone,
    /// The leader hears nobody, and is heard.
    LeaderHearsNobody,
    /// The leader is heard by nobody, and hears.
    NobodyHearsLeader,
    /// Two members only see each other through a third.
    Bridge,
    TransferLeader,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::KillLeader,
        Self::KillFollower,
        Self::KillAll,
        Self::PauseLeader,
        Self::PauseFollower,
        Self::LeaderInMinority,
        Self::FollowerAlone,
        Self::LeaderHearsNobody,
        Self::NobodyHearsLeader,
        Self::Bridge,
        Self::TransferLeader,
    ];

    /// Whether links must be cut for it.
    pub fn needs_network(self) -> bool {
        use Fault::*;
        matches!(self, LeaderInMinority | FollowerAlone | LeaderHearsNobody | NobodyHearsLeader | Bridge)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::KillLeader => "kill -9 leader",
            Self::KillFollower => "kill -9 follower",
            Self::KillAll => "kill -9 all",
            Self::PauseLeader => "SIGSTOP leader",
            Self::PauseFollower => "SIGSTOP follower",
            Self::LeaderInMinority => "leader in minority",
            Self::FollowerAlone => "follower cut off",
            Self::LeaderHearsNobody => "leader hears nobody",
            Self::NobodyHearsLeader => "nobody hears leader",
            Self::Bridge => "bridge",
            Self::TransferLeader => "transfer leader",
        }
    }
}

/// What faults did that can be told from outside.
#[derive(Debug, Default, Clone, serde::Serialize)]
pub struct Bites {
    /// How often each bit: a process died, another one leads, packets were dropped.
    pub bit: BTreeMap<&'static str, u64>,
    /// Faults that left no trace.
    pub toothless: BTreeMap<&'static str, u64>,
    pub leader_changes: u64,
}

/// Lets a fault happen, waits until it is over and somebody leads again.
pub async fn strike(members: &mut Members, fault: Fault, bites: &mut Bites) -> Result<(), Error> {
    let all: Vec<u8> = members.running().collect();
    let leader = members.leader().await?;
    let followers: Vec<u8> = all.iter().copied().filter(|&member| member != leader).collect();
    let Some(&follower) = followers.first() else {
        return Err(Error::Unexpected("a group of one has no followers".to_owned()));
    };
    let mut has_bitten = true;
    match fault {
        Fault::KillLeader => restart(members, &[leader]).await?,
        Fault::KillFollower => restart(members, &[follower]).await?,
        Fault::KillAll => restart(members, &all).await?,
        Fault::PauseLeader => pause(members, leader).await?,
        Fault::PauseFollower => pause(members, follower).await?,
        Fault::TransferLeader => has_bitten = hand_over(members, leader, follower).await?,
        _ => {
            let network = members
                .network()
                .ok_or_else(|| Error::Unexpected("links are only cut between namespaces".to_owned()))?;
            let before = network.dropped()?;
            match fault {
                Fault::LeaderInMinority => {
                    let majority = &followers[(followers.len() - all.len() / 2 - 1).min(followers.len())..];
                    let minority: Vec<u8> =
                        all.iter().copied().filter(|member| !majority.contains(member)).collect();
                    network.cut(&minority, majority)?;
                }
                Fault::FollowerAlone => {
                    let others: Vec<u8> = all.iter().copied().filter(|&each| each != follower).collect();
                    network.cut(&[follower], &others)?;
                }
                Fault::Bridge => {
                    let middle = followers.last().copied().unwrap_or(follower);
                    let outer: Vec<u8> = all.iter().copied().filter(|&each| each != middle).collect();
                    let (one, other) = outer.split_at(outer.len() / 2);
                    network.cut(one, other)?;
                }
                _ => {
                    for &each in &followers {
                        let hears_nobody = fault == Fault::LeaderHearsNobody;
                        let (from, to) = if hears_nobody { (each, leader) } else { (leader, each) };
                        network.cut_one_way(from, to)?;
                    }
                }
            }
            tokio::time::sleep(LASTS).await;
            has_bitten = network.dropped()? > before;
            network.heal()?;
        }
    }
    let now = members.leader().await?;
    bites.leader_changes += u64::from(now != leader);
    let counts = if has_bitten { &mut bites.bit } else { &mut bites.toothless };
    *counts.entry(fault.name()).or_default() += 1;
    Ok(())
}

/// Asks a leader to hand over until another one leads. It refuses while the follower, which may have been cut off or killed a
/// moment ago, is not up or has not everything.
async fn hand_over(members: &mut Members, leader: u8, follower: u8) -> Result<bool, Error> {
    let address = members.addresses().raft(follower);
    let is_up = |node: &Node| node.raft_address == address && node.state() == NodeState::Up;
    for _ in 0..ATTEMPTS {
        let status = members.wait_for("the follower is up", |status| status.nodes.iter().any(is_up)).await?;
        let to = status.nodes.iter().find(|node| is_up(node)).map_or(0, |node| node.id);
        let mut client = members.client(leader, Duration::from_secs(5))?;
        // Refused or lost, it is no more than an election; what clients see must hold all the same.
        let _ = client.admin().transfer_leader(TransferLeaderRequest { to }).await;
        if members.leader().await? != leader {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn restart(members: &mut Members, killed: &[u8]) -> Result<(), Error> {
    for &member in killed {
        members.kill(member)?;
    }
    if members.running().next().is_some() {
        members.leader().await?;
    }
    for &member in killed {
        members.start(member)?;
    }
    Ok(())
}

async fn pause(members: &mut Members, member: u8) -> Result<(), Error> {
    members.process(member)?.signal(Signal::STOP)?;
    tokio::time::sleep(LASTS).await;
    members.process(member)?.signal(Signal::CONT)
}
