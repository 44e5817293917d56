use std::collections::BTreeMap;
use std::time::Duration;

use crate::type_config::NodeId;

/// Remembers since when nodes are healthy or down, from what is seen of them again and again. It must look
/// more often than the silence that it tolerates, otherwise a gap in the heartbeats could pass unseen.
#[derive(Debug, Clone, Default)]
pub struct Tracker {
    nodes: BTreeMap<NodeId, Known>,
}

/// What is seen of a node at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glance {
    pub is_down: bool,
    /// When its last heartbeat came, and of which start of its process.
    pub heard: Option<(Duration, u64)>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Known {
    pub healthy_since: Option<Duration>,
    pub down_since: Option<Duration>,
    incarnation: Option<u64>,
}

impl Tracker {
    /// Takes in what is seen now; who was silent for longer than `silence`, or was restarted, begins anew.
    pub fn observe(&mut self, now: Duration, silence: Duration, node: NodeId, glance: Glance) -> Known {
        let known = self.nodes.entry(node).or_default();
        let alive = glance.heard.filter(|(at, _)| !glance.is_down && now.saturating_sub(*at) <= silence);
        let incarnation = alive.map(|(_, incarnation)| incarnation);
        if alive.is_none() || (known.incarnation.is_some() && known.incarnation != incarnation) {
            known.healthy_since = None;
        }
        if alive.is_some() {
            known.healthy_since.get_or_insert(now);
        }
        known.incarnation = incarnation;
        match glance.is_down {
            true => {
                known.down_since.get_or_insert(now);
            }
            false => known.down_since = None,
        }
        *known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENCE: Duration = Duration::from_secs(3);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn seen(tracker: &mut Tracker, now: u64, heard: u64, incarnation: u64) -> Known {
        let glance = Glance { is_down: false, heard: Some((at(heard), incarnation)) };
        tracker.observe(at(now), SILENCE, 7, glance)
    }

    #[test]
    fn health_begins_with_the_first_heartbeat_and_lasts() {
        let mut tracker = Tracker::default();
        assert_eq!(
            tracker.observe(at(1), SILENCE, 7, Glance { is_down: false, heard: None }).healthy_since,
            None
        );
        assert_eq!(seen(&mut tracker, 2, 2, 1).healthy_since, Some(at(2)));
        assert_eq!(seen(&mut tracker, 5, 2, 1).healthy_since, Some(at(2)));
    }

    #[test]
    fn silence_and_restart_begin_anew() {
        let mut tracker = Tracker::default();
        seen(&mut tracker, 2, 2, 1);
        assert_eq!(seen(&mut tracker, 6, 2, 1).healthy_since, None);
        assert_eq!(seen(&mut tracker, 7, 7, 1).healthy_since, Some(at(7)));
        assert_eq!(seen(&mut tracker, 8, 8, 2).healthy_since, Some(at(8)));
    }

    #[test]
    fn down_lasts_until_it_is_up_again() {
        let mut tracker = Tracker::default();
        let down = Glance { is_down: true, heard: Some((at(1), 1)) };
        assert_eq!(tracker.observe(at(1), SILENCE, 7, down).down_since, Some(at(1)));
        let known = tracker.observe(at(2), SILENCE, 7, down);
        assert_eq!((known.down_since, known.healthy_since), (Some(at(1)), None));
        assert_eq!(seen(&mut tracker, 3, 3, 1).down_since, None);
    }
}
