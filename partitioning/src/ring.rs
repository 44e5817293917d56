use std::hash::{Hash, Hasher};

use hashring::HashRing;

use crate::member::Member;

/// Points on the ring of a node of normal weight. Measured: with 128 of them, and the bound on the load, five nodes lose
/// no more partitions than they must when one of them fails.
const POINTS: u32 = 128;
/// Places of a partition that are tried before the node with the most room takes it.
const PROBES: u32 = 64;

/// A point of a node on the ring.
#[derive(Debug, Clone, Copy)]
struct Point {
    node: u64,
    number: u32,
}

/// A place of a partition on the ring.
struct Probe<'a> {
    key: &'a [u8],
    number: u32,
}

// Derived hashes depend on the platform; these are written as bytes.
impl Hash for Point {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&self.node.to_be_bytes());
        bytes[8..].copy_from_slice(&self.number.to_be_bytes());
        state.write(&bytes);
    }
}

impl Hash for Probe<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut bytes = Vec::with_capacity(self.key.len() + 4);
        bytes.extend_from_slice(self.key);
        bytes.extend_from_slice(&self.number.to_be_bytes());
        state.write(&bytes);
    }
}

/// Consistent hashing (Karger and others, 1997): a node that comes or goes changes only its own share.
pub struct Ring(HashRing<Point>);

impl Ring {
    pub fn of(members: &[Member]) -> Self {
        let mut ring = HashRing::new();
        let mut points = Vec::new();
        for member in members {
            let count = u64::from(POINTS) * u64::from(member.weight) / u64::from(Member::NORMAL);
            let least = u64::from(member.weight > 0);
            let count = u32::try_from(count.max(least)).unwrap_or(u32::MAX);
            points.extend((0..count).map(|number| Point { node: member.node, number }));
        }
        ring.batch_add(points);
        Self(ring)
    }

    /// The nodes that should have a partition, the best first; some may come again, some not at all.
    pub fn preferences(&self, key: &[u8]) -> impl Iterator<Item = u64> {
        (0..PROBES).filter_map(move |number| Some(self.0.get(&Probe { key, number })?.node))
    }
}
