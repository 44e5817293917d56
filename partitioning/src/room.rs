use std::collections::BTreeMap;

use crate::member::Member;

/// How many partitions each node has, and how many it may have.
#[derive(Debug, Clone)]
pub struct Room {
    nodes: BTreeMap<u64, Share>,
}

#[derive(Debug, Clone, Copy)]
struct Share {
    weight: u32,
    load: usize,
    /// No more than this: 1.25 of its fair share (Mirrokni and others, "Consistent Hashing with Bounded Loads", 2016),
    /// rounded down, but never less than the fair share rounded up: with few partitions nobody stays without one while
    /// another has two more.
    cap: usize,
    /// Its fair share, rounded down.
    fair: usize,
}

impl Room {
    pub fn new(members: &[Member], partitions: usize) -> Self {
        let weights: u128 = members.iter().map(|member| u128::from(member.weight)).sum();
        let share = |member: &Member| {
            let part = partitions as u128 * u128::from(member.weight);
            let cap = part.div_ceil(weights.max(1)).max(part * 5 / (weights * 4).max(1));
            let [cap, fair] = [cap, part / weights.max(1)].map(|n| usize::try_from(n).unwrap_or(usize::MAX));
            (member.node, Share { weight: member.weight, load: 0, cap, fair })
        };
        Self { nodes: members.iter().map(share).collect() }
    }

    pub fn has_room(&self, node: u64) -> bool {
        self.nodes.get(&node).is_some_and(|share| share.load < share.cap)
    }

    /// How many more than its fair share a node has.
    pub fn surplus(&self, node: u64) -> usize {
        self.nodes.get(&node).map_or(0, |share| share.load.saturating_sub(share.fair))
    }

    /// How many a node lacks to its fair share.
    pub fn lack(&self, node: u64) -> usize {
        self.nodes.get(&node).map_or(0, |share| share.fair.saturating_sub(share.load))
    }

    pub fn put(&mut self, node: u64) {
        if let Some(share) = self.nodes.get_mut(&node) {
            share.load += 1;
        }
    }

    pub fn take(&mut self, node: u64) {
        if let Some(share) = self.nodes.get_mut(&node) {
            share.load = share.load.saturating_sub(1);
        }
    }

    /// The node that is the least full of those that may have one more at all, whatever its cap.
    pub fn emptiest(&self, may: impl Fn(u64) -> bool) -> Option<u64> {
        let able = self.nodes.iter().filter(|(node, share)| share.weight > 0 && may(**node));
        // Compared as fractions load / weight, without rounding.
        let fuller = |a: &Share, b: &Share| {
            let [left, right] = [(a, b), (b, a)].map(|(x, y)| (x.load as u128 + 1) * u128::from(y.weight));
            left.cmp(&right)
        };
        able.min_by(|a, b| fuller(a.1, b.1).then(a.0.cmp(b.0))).map(|(node, _)| *node)
    }
}
