use etl_raft_state::parts::Node;

/// Losses of a node that count, those of the last ten minutes, in milliseconds.
const MEMORY_MS: u64 = 10 * 60 * 1000;
/// So many losses within that time are a coincidence, such as a restart.
const FORGIVEN: usize = 2;
/// For how long a node is distrusted after the first loss too many, in milliseconds; twice as long after each further one.
const FIRST_PENALTY_MS: u64 = 30 * 1000;

/// Whether a node that is back is given nothing yet, because it has come and gone again and again: what it is given would
/// soon have to be taken over once more.
pub(super) fn is_distrusted(node: &Node, now_ms: u64) -> bool {
    let is_recent = |at: &&u64| now_ms.saturating_sub(**at) < MEMORY_MS;
    let losses = node.downs_ms.iter().filter(is_recent).count();
    let Some(excess) = losses.checked_sub(FORGIVEN + 1) else { return false };
    let factor = 1_u64 << excess.min(5);
    now_ms.saturating_sub(node.state_since_ms) < FIRST_PENALTY_MS * factor
}

#[cfg(test)]
mod tests {
    use etl_raft_state::NodeState;
    use uuid::Uuid;

    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    fn node(losses_ago_s: &[u64], back_for_s: u64) -> Node {
        Node {
            store: Uuid::nil(),
            raft_address: String::new(),
            admin_address: String::new(),
            software_version: String::new(),
            feature_level: 1,
            zone: String::new(),
            state: NodeState::Up,
            state_since_ms: NOW - back_for_s * 1000,
            registered_at_ms: 0,
            down_from: None,
            downs_ms: losses_ago_s.iter().map(|ago| NOW - ago * 1000).collect(),
        }
    }

    #[test]
    fn a_node_that_comes_and_goes_waits_longer_each_time() {
        for (losses, trusted_after_s) in
            [(&[][..], 0), (&[5], 0), (&[90, 5], 0), (&[90, 60, 5], 30), (&[120, 90, 60, 5], 60)]
        {
            for back_for_s in [0, 1, 29, 30, 59, 60] {
                let is_trusted = back_for_s >= trusted_after_s;
                assert_eq!(
                    is_distrusted(&node(losses, back_for_s), NOW),
                    !is_trusted,
                    "{losses:?} {back_for_s}"
                );
            }
        }
    }

    #[test]
    fn what_is_long_ago_is_forgotten_and_a_clock_that_went_back_is_harmless() {
        assert!(!is_distrusted(&node(&[700, 650, 610, 5], 0), NOW));
        assert!(is_distrusted(&node(&[90, 60, 5], 0), NOW - 3_600_000));
    }
}
