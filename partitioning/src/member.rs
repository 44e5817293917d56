/// A node that may own partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    pub node: u64,
    /// Its share in proportion to the others'; [`Member::NORMAL`] for most, 0 for one that shall own nothing.
    pub weight: u32,
}

impl Member {
    /// The weight of a node that is like most.
    pub const NORMAL: u32 = 100;

    /// A node like most.
    pub fn normal(node: u64) -> Self {
        Self { node, weight: Self::NORMAL }
    }
}
