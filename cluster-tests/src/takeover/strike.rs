use std::time::{Duration, SystemTime, UNIX_EPOCH};

use etl_test_services::{Direction, Moment, Trigger};
use rustix::process::Signal;

use super::fault::Fault;
use super::outcome::Struck;
use super::site::Site;
use super::view::Held;
use crate::group::Error;

/// What the server answers to a COMMIT, as it goes over the wire.
const COMMITTED: &[u8] = b"C\0\0\0\x0bCOMMIT\0";
/// How long nodes are dead that are started again.
const DEAD: Duration = Duration::from_secs(2);
/// How long the way to the server is held up at a time, and how long it is free between.
const HELD_UP: Duration = Duration::from_millis(400);
/// How often it is, at least.
const HOLDS: u64 = 5;
/// Connections that are cut.
const CUTS: u64 = 6;
/// What is said when an old owner is told that it is none any more.
const FENCED: &[&str] =
    &["has taken over", "ended the connection of an older owner", "has another owner now"];

/// A fault that has struck: what it met, and when it did so.
#[derive(Debug, Default)]
pub struct Blow {
    pub struck: Struck,
    /// What was under way where it struck.
    pub held: Vec<Held>,
    /// Milliseconds since 1970 at which processes were killed.
    killed_ms: Option<f64>,
}

fn now_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1e3
}

impl Fault {
    /// Lets it happen to a run that is under way. Returns when its cause is gone, the run not yet complete.
    pub async fn strike(self, site: &mut Site<'_>) -> Result<Blow, Error> {
        let mut blow = Blow::default();
        match self {
            Self::KillOwner => {
                let owner = blow.meet_follower(site).await?;
                blow.kill(site, &[owner])?;
            }
            Self::KillLeader => {
                let leader = blow.meet_leader(site).await?;
                blow.kill(site, &[leader])?;
            }
            Self::KillBoth => {
                let leader = blow.meet_leader(site).await?;
                let owner = blow.meet_follower(site).await?;
                blow.kill(site, &[leader, owner])?;
                // That long and no longer they are to be missed.
                tokio::time::sleep(DEAD).await;
                for member in [leader, owner] {
                    site.members.start(member)?;
                }
            }
            Self::Pause6s | Self::Pause6sUnleased | Self::Pause20s | Self::Pause60s => {
                blow.pause(site, self.pause().unwrap_or_default()).await?;
            }
            Self::Drain => blow.drain(site).await?,
            Self::Join => blow.join(site).await?,
            Self::RollingRestart => blow.restart(site).await?,
            Self::DestinationDown | Self::DestinationDown30s => {
                blow.meet_all(site).await?;
                site.server.stop_immediate()?;
                tokio::time::sleep(self.outage().unwrap_or_default()).await;
                site.server.start_again()?;
            }
            Self::ConnectionReset => {
                blow.meet_all(site).await?;
                let cut = Trigger::new(COMMITTED, Direction::ToClient, Moment::Before).times(CUTS);
                site.data.proxy.cut_when(cut);
                let cuts = async || Ok((site.data.proxy.cuts() >= CUTS).then_some(()));
                site.until("connections are cut", cuts).await?;
            }
            Self::SlowDestination => blow.hold_up(site).await?,
            Self::PartitionMinority => blow.cut_off(site, false, false).await?,
            Self::PartitionMajority => blow.cut_off(site, true, false).await?,
            Self::PartitionOneWay => blow.cut_off(site, false, true).await?,
            Self::RelayCut => blow.cut_relay(site).await?,
            Self::RelaySlow => blow.slow_relay(site).await?,
            Self::DiskFull => blow.fill_disk(site).await?,
        }
        Ok(blow)
    }

    /// Whether partitions go on under a newer epoch because of it.
    fn moves_partitions(self) -> bool {
        !matches!(self, Self::SlowDestination | Self::RelaySlow)
    }

    /// Looks, when the run is complete, what became of the partitions that it met.
    pub async fn judge(self, mut blow: Blow, site: &mut Site<'_>) -> Result<Struck, Error> {
        let taken_over = site.taken_over(&blow.held).await?;
        let struck = &mut blow.struck;
        (struck.met, struck.moved) = (struck.met.max(blow.held.len()), taken_over.len());
        struck.expect("it meets partitions that are under way", struck.met > 0);
        if self.moves_partitions() {
            struck.expect("partitions go on under a newer epoch", struck.moved > 0);
        }
        if let Some(killed) = blow.killed_ms {
            struck.takeovers_ms =
                taken_over.iter().filter_map(|(_, ms)| Some(ms.as_ref()? - killed)).collect();
        }
        if self == Self::Drain {
            struck.moves_ms = site.moved(&blow.held)?;
        }
        struck.fenced = site.said(FENCED)?;
        if self == Self::Pause6sUnleased {
            struck.expect("the old owner is kept out by fences", struck.fenced > 0);
        }
        if self.pause().is_some() && struck.fenced == 0 {
            struck.notes.push("no old owner had to be fenced".to_owned());
        }
        Ok(blow.struck)
    }
}

impl Blow {
    pub(super) async fn meet(&mut self, site: &Site<'_>, member: u8) -> Result<u64, Error> {
        let node = site.node(member).await?;
        let what = format!("member {member} works on all of its partitions");
        let held = site.until(&what, async || {
            let view = site.view().await?;
            let held = view.held_by(node);
            let all = held.len() == view.left_on(node);
            // Of a run that is over nothing is under way.
            Ok((!held.is_empty() && all || view.open() == 0).then_some(held))
        });
        self.held.extend(held.await?);
        Ok(node)
    }

    pub(super) async fn meet_leader(&mut self, site: &mut Site<'_>) -> Result<u8, Error> {
        let leader = site.members.leader().await?;
        self.meet(site, leader).await?;
        Ok(leader)
    }

    pub(super) async fn meet_follower(&mut self, site: &mut Site<'_>) -> Result<u8, Error> {
        let leader = site.members.leader().await?;
        let follower = site.members.running().find(|&member| member != leader);
        let follower = follower.ok_or_else(|| Error::Unexpected("nobody follows".to_owned()))?;
        self.meet(site, follower).await?;
        Ok(follower)
    }

    pub(super) async fn meet_all(&mut self, site: &Site<'_>) -> Result<(), Error> {
        for member in site.answering() {
            self.meet(site, member).await?;
        }
        Ok(())
    }

    fn kill(&mut self, site: &mut Site<'_>, members: &[u8]) -> Result<(), Error> {
        self.killed_ms = Some(now_ms());
        members.iter().try_for_each(|&member| site.members.kill(member))
    }

    async fn pause(&mut self, site: &mut Site<'_>, length: Duration) -> Result<(), Error> {
        let owner = self.meet_follower(site).await?;
        site.members.process(owner)?.signal(Signal::STOP)?;
        site.silent.insert(owner);
        tokio::time::sleep(length).await;
        self.others_take_over(site).await?;
        site.members.process(owner)?.signal(Signal::CONT)?;
        self.takes_part_again(site, owner).await
    }

    /// Waits until others have taken over what was met.
    pub(super) async fn others_take_over(&mut self, site: &Site<'_>) -> Result<(), Error> {
        let held = &self.held;
        let what = "others have taken over and committed what the node had";
        site.until(what, async || {
            let taken = site.taken_over(held).await?.len();
            Ok((taken == held.len() || site.is_complete().await?).then_some(()))
        })
        .await?;
        let taken = site.taken_over(held).await?.len();
        let is_late = site.is_complete().await?;
        let what = "others commit all that the node had, and the run goes on when it is back";
        self.struck.expect(what, taken == self.held.len() && !is_late);
        Ok(())
    }

    /// Waits until a node that was silent answers.
    pub(super) async fn takes_part_again(&mut self, site: &mut Site<'_>, member: u8) -> Result<(), Error> {
        site.silent.remove(&member);
        let answers = async || {
            let status =
                site.members.client(member, Duration::from_secs(2))?.status(Default::default()).await;
            Ok(status.is_ok().then_some(()))
        };
        site.until("the node takes part again", answers).await
    }

    async fn drain(&mut self, site: &mut Site<'_>) -> Result<(), Error> {
        let member = site.answering().last().copied().unwrap_or(1);
        let node = self.meet(site, member).await?;
        site.operate(&["cluster", "drain", &node.to_string()]).await?.succeeded("cluster drain")?;
        let open = site.until("nothing is left on the node that drains", async || {
            let view = site.view().await?;
            Ok((view.left_on(node) == 0).then(|| view.open()))
        });
        let open = open.await?;
        self.struck.expect("it is drained while the run goes on", open > 0);
        Ok(())
    }

    async fn join(&mut self, site: &mut Site<'_>) -> Result<(), Error> {
        self.meet_all(site).await?;
        site.members.start(4)?;
        site.members.wait_for("the fourth node is up", |status| status.nodes.len() == 4).await?;
        let node = site.node(4).await?;
        let got = site.until("the fourth node has partitions, or the run is over", async || {
            let view = site.view().await?;
            let got = view.held_by(node).len();
            Ok((got > 0 || view.open() == 0).then_some(got))
        });
        let got = got.await?;
        self.struck.expect("the fourth node gets partitions while the run goes on", got > 0);
        Ok(())
    }

    async fn restart(&mut self, site: &mut Site<'_>) -> Result<(), Error> {
        self.meet_all(site).await?;
        for member in site.answering() {
            site.members.stop(member).await?;
            site.members.start(member)?;
            let voters = |status: &etl_proto::admin::GetClusterStatusResponse| {
                status.leader != 0 && crate::group::voters(status).count() == 3
            };
            site.members.wait_for("all nodes vote again", voters).await?;
            let node = site.node(member).await?;
            let at_work = async || {
                let view = site.view().await?;
                Ok((!view.held_by(node).is_empty() || view.open() == 0).then(|| view.open()))
            };
            let open = site.until("the node that was started again works", at_work).await?;
            self.struck.expect("all nodes are restarted while the run goes on", open > 0);
        }
        Ok(())
    }

    async fn hold_up(&mut self, site: &mut Site<'_>) -> Result<(), Error> {
        self.meet_all(site).await?;
        let mut holds = 0;
        while !site.is_complete().await? {
            site.data.proxy.pause();
            tokio::time::sleep(HELD_UP).await;
            site.data.proxy.resume();
            holds += 1;
            tokio::time::sleep(HELD_UP).await;
        }
        self.struck.notes.push(format!("held up {holds} times for {} ms", HELD_UP.as_millis()));
        self.struck.expect("the way to the server is held up again and again", holds >= HOLDS);
        Ok(())
    }
}
