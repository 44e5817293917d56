use clap::ValueEnum;
use rustix::process::Signal;

use super::outcome::Struck;
use super::site::Site;
use super::strike::Blow;
use crate::group::Error;

/// A guard that is taken out of the nodes. Records must be lost or doubled then, and counted: otherwise it could not be told
/// whether the guard is needed, or the count sees anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Control {
    /// A node that takes over goes on where the checkpoint is, and not where the destination's marker is.
    MarkerIgnored,
    /// It decides where to go on before it fences the destination.
    OrderReversed,
    /// The destination takes what an owner commits that is none any more.
    FenceRemoved,
}

/// Openings of chains on each node before the takeover, which are not held up.
const BEFORE: &str = "4*off";

impl Control {
    /// Those of the short form: without the fence there is damage only when the old owner is in the middle of a unit, which it
    /// is not every time.
    pub const SHORT: [Self; 1] = [Self::OrderReversed];

    pub fn name(self) -> String {
        // None is hidden.
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// The crash points of all nodes. A lease is no guard, only sooner than one: an old owner may go on for a while in any case,
    /// and does so here for as long as it is let.
    pub fn failpoints(self) -> String {
        match self {
            Self::MarkerIgnored => "ignore_marker=return".to_owned(),
            Self::OrderReversed => {
                format!("lease=return;seek_before_fence=return;claimed={BEFORE}->sleep(2500)")
            }
            Self::FenceRemoved => "lease=return;fence=return".to_owned(),
        }
    }

    /// Lets happen what the guard is there for.
    pub async fn strike(self, site: &mut Site<'_>) -> Result<Struck, Error> {
        let mut blow = Blow::default();
        match self {
            Self::MarkerIgnored => {
                let owner = blow.meet_follower(site).await?;
                site.members.kill(owner)?;
            }
            Self::OrderReversed => {
                let owner = blow.meet_follower(site).await?;
                site.members.process(owner)?.signal(Signal::STOP)?;
                site.silent.insert(owner);
                // Those who take over have asked where to go on, and have not fenced yet.
                site.until("others have claimed what the paused node had", async || {
                    let view = site.view().await?;
                    let claimed = blow.held.iter().filter(|held| view.is_claimed_after(held));
                    Ok((claimed.count() > 0 || site.is_over().await?).then_some(()))
                })
                .await?;
                site.members.process(owner)?.signal(Signal::CONT)?;
                blow.takes_part_again(site, owner).await?;
            }
            Self::FenceRemoved => {
                let owner = blow.meet_follower(site).await?;
                site.members.process(owner)?.signal(Signal::STOP)?;
                site.silent.insert(owner);
                blow.others_take_over(site).await?;
                site.members.process(owner)?.signal(Signal::CONT)?;
                blow.takes_part_again(site, owner).await?;
            }
        }
        let mut struck = blow.struck;
        struck.met = blow.held.len();
        Ok(struck)
    }
}
