use std::collections::BTreeMap;
use std::time::Duration;

use etl_raft::NodeId;
use etl_raft::consensus::{Consensus, Status};
use tokio::time::{Instant, timeout, timeout_at};

/// How long a node may take to end in good order; it is safe at any moment, so the rest is cut off.
pub(super) const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// How long chains may take of that to commit what they have read.
pub(super) const DRAIN_TIMEOUT: Duration = Duration::from_secs(4);
/// How long the hand-over of leadership may take of that.
const HAND_OVER_TIMEOUT: Duration = Duration::from_secs(3);

/// Lets another voter lead, so that the others need no election. What fails is told and changes nothing.
pub(super) async fn hand_over(consensus: &Consensus) {
    let Some(to) = successor(consensus.member().node, &consensus.status()) else { return };
    match timeout(HAND_OVER_TIMEOUT, consensus.transfer_leader(to)).await {
        Ok(Ok(())) => tracing::info!(to, "leadership was handed over"),
        Ok(Err(error)) => tracing::warn!(to, %error, "leadership could not be handed over"),
        Err(_) => tracing::warn!(to, "leadership was not handed over in time"),
    }
}

/// The voter that lacks least, when this node leads and there is another one.
fn successor(me: NodeId, status: &Status) -> Option<NodeId> {
    let matched = status.matched.as_ref().filter(|_| status.leader == Some(me))?;
    let of = |node: &NodeId| matched.get(node).copied();
    let others: BTreeMap<NodeId, Option<u64>> =
        status.voters.iter().filter(|node| **node != me).map(|node| (*node, of(node))).collect();
    others.into_iter().filter_map(|(node, matched)| Some((matched?, node))).max().map(|(_, node)| node)
}

/// Waits for one step of the end until the deadline, and says who is still running then.
pub(super) async fn step(name: &'static str, until: Instant, step: impl Future<Output = ()>) {
    let began = Instant::now();
    match timeout_at(until, step).await {
        Ok(()) => tracing::debug!(name, elapsed_ms = began.elapsed().as_millis() as u64, "stopped"),
        Err(_) => tracing::warn!(name, "still running when the time to stop was over; it is cut off"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn status(leader: u64, voters: &[u64], matched: &[(u64, u64)]) -> Status {
        Status {
            leader: Some(leader),
            voters: voters.iter().copied().collect::<BTreeSet<_>>(),
            matched: Some(matched.iter().copied().collect()),
            ..Status::default()
        }
    }

    #[test]
    fn the_voter_that_lacks_least_leads_next() {
        assert_eq!(successor(1, &status(1, &[1, 2, 3], &[(1, 9), (2, 5), (3, 7), (4, 9)])), Some(3));
        assert_eq!(successor(1, &status(1, &[1, 2, 3], &[(1, 9), (2, 5)])), Some(2));
    }

    #[test]
    fn nobody_takes_over_where_nobody_can() {
        assert_eq!(successor(1, &status(1, &[1], &[(1, 9)])), None);
        assert_eq!(successor(1, &status(1, &[1, 2], &[(1, 9)])), None);
        assert_eq!(successor(1, &status(2, &[1, 2], &[(1, 9), (2, 9)])), None);
        assert_eq!(successor(1, &Status { matched: None, ..status(1, &[1, 2], &[]) }), None);
    }
}
