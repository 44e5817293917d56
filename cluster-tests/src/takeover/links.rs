//! Faults of the network between the nodes, and of disks.

use std::time::Duration;

use etl_proto::admin::TransferLeaderRequest;

use super::site::{HOST, Site};
use super::strike::Blow;
use crate::group::{Error, Namespaces};
use crate::hazards::Ballast;

/// How long a relay's link is cut: longer than a channel lives without one.
const CUT: Duration = Duration::from_secs(20);
/// How long the links are slow.
const SLOW: Duration = Duration::from_secs(10);
/// How fast it is at most, in both directions.
const RATE: &str = "8mbit";
/// How long the disk of the destination is full.
const FULL: Duration = Duration::from_secs(3);
/// What is said on a full disk.
const NO_ROOM: &[&str] = &["No space left", "disk is full"];

fn network<'a>(site: &'a Site<'_>) -> Result<&'a Namespaces, Error> {
    let missing = || Error::Unexpected("links are only cut between namespaces".to_owned());
    site.members.network().ok_or_else(missing)
}

impl Blow {
    /// Cuts an owner, or the leader, off from the others until they have taken over from it. It goes on to reach the
    /// destination.
    pub(super) async fn cut_off(
        &mut self,
        site: &mut Site<'_>,
        leads: bool,
        one_way: bool,
    ) -> Result<(), Error> {
        let member = if leads { self.meet_leader(site).await? } else { self.meet_follower(site).await? };
        let others: Vec<u8> = site.members.running().filter(|other| *other != member).collect();
        let before = network(site)?.dropped()?;
        match one_way {
            true => others.iter().try_for_each(|other| network(site)?.cut_one_way(member, *other))?,
            false => network(site)?.cut(&[member], &others)?,
        }
        site.silent.insert(member);
        self.others_take_over(site).await?;
        let dropped = network(site)?.dropped()? - before;
        network(site)?.heal()?;
        self.struck.expect("packets are dropped between the nodes", dropped > 0);
        self.takes_part_again(site, member).await
    }

    /// Cuts the link between the host and an owner, both of which follow another leader.
    pub(super) async fn cut_relay(&mut self, site: &mut Site<'_>) -> Result<(), Error> {
        let others: Vec<u8> = site.members.running().filter(|member| *member != HOST).collect();
        let &[owner, leader] = others.as_slice() else {
            return Err(Error::Unexpected(format!("members {others:?} beside the host")));
        };
        lead(site, leader).await?;
        self.meet(site, owner).await?;
        let before = network(site)?.dropped()?;
        network(site)?.cut(&[HOST], &[owner])?;
        tokio::time::sleep(CUT).await;
        let is_late = site.is_complete().await?;
        let dropped = network(site)?.dropped()? - before;
        network(site)?.heal()?;
        self.struck.expect("packets are dropped between owner and host", dropped > 0);
        self.struck.expect("the run goes on when the link is whole again", !is_late);
        Ok(())
    }

    /// Slows down what the nodes send, the host as well as those who relay to it.
    pub(super) async fn slow_relay(&mut self, site: &mut Site<'_>) -> Result<(), Error> {
        self.meet_all(site).await?;
        let members: Vec<u8> = site.members.running().collect();
        members.iter().try_for_each(|member| network(site)?.slow_down(*member, RATE))?;
        tokio::time::sleep(SLOW).await;
        let is_late = site.is_complete().await?;
        let mut sent = 0;
        for member in members {
            sent += network(site)?.hasten(member)?;
        }
        self.struck.notes.push(format!("{sent} packets at {RATE} at most"));
        self.struck.expect("what the nodes send is held up", sent > 0);
        self.struck.expect("the run goes on when the links are as fast as before", !is_late);
        Ok(())
    }

    /// Fills the disk of an owner until that gives up and others have taken over, or the one of the destination for a while.
    pub(super) async fn fill_disk(&mut self, site: &mut Site<'_>) -> Result<(), Error> {
        if let Some(directory) = site.hosted_in() {
            self.meet_all(site).await?;
            let mut ballast = Ballast::new(&directory)?;
            ballast.leave(0)?;
            tokio::time::sleep(FULL).await;
            let refused = site.said(NO_ROOM)?;
            ballast.remove()?;
            self.struck.expect("the destination has no room", refused > 0);
            let has_stopped = site.resume_if_failed().await?;
            self.struck.notes.push(match has_stopped {
                true => "the run has stopped and said why; it was resumed".to_owned(),
                false => "the run went on by itself".to_owned(),
            });
            return Ok(());
        }
        let owner = self.meet_follower(site).await?;
        let mut ballast = Ballast::new(&site.members.directory(owner))?;
        ballast.leave(0)?;
        let (ended, said) = site.members.until_ended(owner).await?;
        let is_told = NO_ROOM.iter().any(|words| said.contains(words));
        self.struck.expect("the node gives up and says why", !ended.success() && is_told);
        self.others_take_over(site).await?;
        ballast.remove()?;
        site.members.start(owner)?;
        self.takes_part_again(site, owner).await
    }
}

/// Has a member lead.
async fn lead(site: &mut Site<'_>, member: u8) -> Result<(), Error> {
    let to = site.node(member).await?;
    let current = site.members.leader().await?;
    if current == member {
        return Ok(());
    }
    // Asked again while the other is not up yet or has not everything.
    for _ in 0..ATTEMPTS {
        let leader = site.members.leader().await?;
        let mut client = site.members.client(leader, Duration::from_secs(5))?;
        let _ = client.admin().transfer_leader(TransferLeaderRequest { to }).await;
        if site.members.leader().await? == member {
            return Ok(());
        }
    }
    Err(Error::Unexpected(format!("member {member} does not get to lead")))
}

/// How often a leader is asked to hand over.
const ATTEMPTS: u32 = 20;
