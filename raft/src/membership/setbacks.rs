use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Change;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Changes that were tried, so that one that fails does not hold up the others, and one that has no effect is
/// not repeated without a pause.
#[derive(Debug, Default)]
pub(super) struct Setbacks {
    tried: BTreeMap<Change, Tried>,
}

#[derive(Debug, Clone, Copy)]
struct Tried {
    due: Duration,
    pause: Duration,
}

impl Setbacks {
    /// A change was tried now. Whoever tries it again and again waits longer each time, up to 30 s.
    pub fn tried(&mut self, change: Change, now: Duration) {
        let pause = self.tried.get(&change).map_or(FIRST_PAUSE, |tried| (tried.pause * 2).min(LONGEST_PAUSE));
        self.tried.insert(change, Tried { due: now + pause, pause });
    }

    /// What is not due yet. A change that was not tried again for long after it was due is forgotten.
    pub fn postponed(&mut self, now: Duration) -> BTreeSet<Change> {
        self.tried.retain(|_, tried| now < tried.due + LONGEST_PAUSE);
        self.tried.iter().filter(|(_, tried)| now < tried.due).map(|(change, _)| change.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn pauses_grow_up_to_a_limit() {
        let mut setbacks = Setbacks::default();
        let change = Change::MarkUp { node: 2 };
        let mut now = Duration::ZERO;
        for pause in [1, 2, 4, 8, 16, 30, 30] {
            setbacks.tried(change.clone(), now);
            let just_before = now + at(pause) - Duration::from_millis(1);
            assert_eq!(setbacks.postponed(just_before), [change.clone()].into());
            now += at(pause);
            assert_eq!(setbacks.postponed(now), BTreeSet::new());
        }
    }

    #[test]
    fn others_are_not_held_up_and_old_ones_are_forgotten() {
        let mut setbacks = Setbacks::default();
        setbacks.tried(Change::MarkUp { node: 2 }, at(0));
        assert!(!setbacks.postponed(at(0)).contains(&Change::MarkUp { node: 3 }));
        assert_eq!(setbacks.postponed(at(31)), BTreeSet::new());
        setbacks.tried(Change::MarkUp { node: 2 }, at(31));
        assert_eq!(setbacks.postponed(at(32)), BTreeSet::new(), "it begins with one second again");
    }
}
