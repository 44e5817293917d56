use std::collections::BTreeMap;

/// Restores the order of numbered items that arrive in any order. Holds at most as many as are on their way.
#[derive(Debug)]
pub(crate) struct Sequencer<T> {
    next: u64,
    early: BTreeMap<u64, T>,
}

impl<T> Sequencer<T> {
    /// Expects 0 first.
    pub fn new() -> Self {
        Self { next: 0, early: BTreeMap::new() }
    }

    /// Takes an item and returns those that are in order now.
    pub fn push(&mut self, seq: u64, item: T) -> Vec<T> {
        debug_assert!(seq >= self.next, "item {seq} came twice");
        if seq == self.next && self.early.is_empty() {
            self.next += 1;
            return vec![item];
        }
        self.early.insert(seq, item);
        let mut ready = Vec::new();
        while let Some(item) = self.early.remove(&self.next) {
            ready.push(item);
            self.next += 1;
        }
        if self.early.is_empty() {
            // An empty map keeps room for some items, which thousands of partitions that wait do not need.
            self.early = BTreeMap::new();
        }
        ready
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_arrival_leaves_in_order(order in Just((0..50u64).collect::<Vec<_>>()).prop_shuffle()) {
            let mut sequencer = Sequencer::new();
            let mut out = Vec::new();
            for seq in order {
                out.extend(sequencer.push(seq, seq));
            }
            prop_assert_eq!(out, (0..50u64).collect::<Vec<_>>());
        }
    }
}
