use etl_proto::admin::{AssignmentState, Partition};

/// Who has which partition of a run, as the cluster tells.
#[derive(Debug, Clone, Default)]
pub struct View(pub Vec<Partition>);

/// A partition that a node was working on, and under which epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub partition: String,
    pub epoch: u64,
}

impl View {
    /// What a node works on: claimed, not done, and something of it is committed.
    pub fn held_by(&self, node: u64) -> Vec<Held> {
        let at_work = |partition: &&Partition| !partition.done && partition.progress.is_some();
        let held = |partition: &Partition| {
            let known = partition.assignment.as_ref()?;
            let is_held = known.owner == node && known.claimed && known.state() == AssignmentState::Assigned;
            is_held.then(|| Held { partition: partition.partition.clone(), epoch: known.epoch })
        };
        self.0.iter().filter(at_work).filter_map(held).collect()
    }

    /// Whether somebody works on a partition under a newer epoch.
    pub fn is_claimed_after(&self, held: &Held) -> bool {
        let of_partition = self.0.iter().find(|partition| partition.partition == held.partition);
        let known = of_partition.and_then(|partition| partition.assignment.as_ref());
        known.is_some_and(|known| known.claimed && known.epoch > held.epoch)
    }

    /// Partitions that are not done and not let go of by a node.
    pub fn left_on(&self, node: u64) -> usize {
        let is_there = |partition: &&Partition| {
            let known = partition.assignment.as_ref();
            let here = known.filter(|known| known.owner == node);
            !partition.done && here.is_some_and(|known| known.state() != AssignmentState::Released)
        };
        self.0.iter().filter(is_there).count()
    }

    /// Partitions that have not been read to their end.
    pub fn open(&self) -> usize {
        self.0.iter().filter(|partition| !partition.done).count()
    }
}
