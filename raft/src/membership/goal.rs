use std::cmp::Reverse;
use std::collections::BTreeSet;

use etl_raft_state::NodeState;

use super::Picture;
use crate::type_config::NodeId;

/// Who should vote, given who is there: one step from who votes now.
///
/// Voters that are leaving lose their vote; one voter that is overdue loses it to a learner; learners fill up
/// to the largest odd number there are nodes for. With an even number of voters one too many loses its vote,
/// unless a node that may soon vote is on its way: then it is better to wait than to change twice.
pub(super) fn goal(picture: &Picture) -> BTreeSet<NodeId> {
    let candidates = candidates(picture);
    let mut goal: BTreeSet<NodeId> =
        picture.voters().into_iter().filter(|node| !picture.is_leaving(*node)).collect();
    if !candidates.is_empty()
        && let Some(overdue) = goal.iter().copied().find(|node| picture.is_overdue(*node))
    {
        goal.remove(&overdue);
    }
    let size = largest_odd(picture.limits.voters.min(goal.len() + candidates.len()));
    let missing = size.saturating_sub(goal.len());
    goal.extend(candidates.into_iter().take(missing));
    let is_waiting =
        goal.len() <= picture.limits.voters && picture.nodes.keys().any(|node| picture.is_prospect(*node));
    if !is_waiting {
        while goal.len() > size.max(1)
            && let Some(least) = least_useful(picture, &goal)
        {
            goal.remove(&least);
        }
    }
    goal
}

/// Learners that may vote, the most useful first.
pub(super) fn candidates(picture: &Picture) -> Vec<NodeId> {
    let mut found: Vec<NodeId> =
        picture.members.keys().copied().filter(|node| picture.is_eligible(*node)).collect();
    found.sort_by_key(|node| (picture.nodes.get(node).and_then(|facts| facts.lag), *node));
    found
}

/// The voter that is missed least: down rather than not, behind rather than ready, about to be drained rather
/// than not, young rather than old; never the leader.
fn least_useful(picture: &Picture, voters: &BTreeSet<NodeId>) -> Option<NodeId> {
    voters.iter().copied().filter(|node| *node != picture.leader).min_by_key(|node| {
        let is_draining = picture.nodes.get(node).is_some_and(|facts| facts.state == NodeState::Draining);
        (picture.is_healthy(*node), picture.is_ready(*node), !is_draining, Reverse(*node))
    })
}

fn largest_odd(n: usize) -> usize {
    if n.is_multiple_of(2) { n.saturating_sub(1) } else { n }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_numbers() {
        assert_eq!([0, 1, 2, 3, 4, 5, 6].map(largest_odd), [0, 1, 1, 3, 3, 5, 5]);
    }
}
