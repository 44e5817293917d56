//! The network as the simulator is to have it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use etl_raft::NodeId;

use crate::network::host;
use crate::weather::Way;

/// Two nodes, the lower first.
pub type Pair = (NodeId, NodeId);

/// A message is under way for so long at most, when nothing is wrong.
pub const USUAL_LATENCY: Duration = Duration::from_millis(8);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// What is sent is lost.
    pub cut: BTreeSet<Way>,
    /// What is sent waits.
    pub held: BTreeSet<Pair>,
    /// What is sent takes up to so many milliseconds.
    pub slow: BTreeMap<Pair, u64>,
}

impl Links {
    /// Changes what is different in `before`.
    pub fn replace(&self, sim: &mut turmoil::Sim<'_>, before: &Self, nodes: &BTreeSet<NodeId>) {
        for a in nodes {
            for b in nodes.range(a + 1..) {
                let pair = (*a, *b);
                if self.slow.get(&pair) != before.slow.get(&pair) {
                    let most =
                        self.slow.get(&pair).map_or(USUAL_LATENCY, |most| Duration::from_millis(*most));
                    sim.set_link_max_message_latency(host(*a), host(*b), most);
                }
                let was_held = before.held.contains(&pair);
                match (was_held, self.held.contains(&pair)) {
                    (true, true) => {}
                    (false, true) => sim.hold(host(*a), host(*b)),
                    (_, false) => {
                        if was_held {
                            sim.release(host(*a), host(*b));
                        }
                        self.replace_ways(sim, before, was_held, pair);
                    }
                }
            }
        }
    }

    fn replace_ways(&self, sim: &turmoil::Sim<'_>, before: &Self, was_held: bool, (a, b): Pair) {
        for way in [(a, b), (b, a)] {
            // Holding has put the cuts aside.
            let was_cut = !was_held && before.cut.contains(&way);
            match (was_cut, self.cut.contains(&way)) {
                (false, true) => sim.partition_oneway(host(way.0), host(way.1)),
                (true, false) => sim.repair_oneway(host(way.0), host(way.1)),
                _ => {}
            }
        }
    }
}
