use std::collections::{BTreeSet, HashMap};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::matcher::Matcher;
use super::trigger::{Direction, Moment, Trigger};

/// What the handle and the connections of a proxy know of each other.
#[derive(Debug, Default)]
pub struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    armed: Vec<Armed>,
    next_trigger: u64,
    next_connection: u64,
    live: BTreeSet<u64>,
    cuts: u64,
}

/// A trigger that waits.
#[derive(Debug)]
struct Armed {
    id: u64,
    matcher: Matcher,
    trigger: Trigger,
}

/// How much of each trigger's pattern one direction of one connection ends with.
#[derive(Debug, Default)]
pub struct Progress(HashMap<u64, usize>);

/// A trigger that struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    pub moment: Moment,
    /// Bytes of the piece before the occurrence; 0 when it began in an earlier piece.
    pub before: usize,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a trigger wait.
    pub fn arm(&self, mut trigger: Trigger) {
        let mut state = self.state();
        let id = state.next_trigger;
        state.next_trigger += 1;
        if trigger.times > 0 {
            let matcher = Matcher::new(std::mem::take(&mut trigger.pattern));
            state.armed.push(Armed { id, matcher, trigger });
        }
    }

    /// Forgets all triggers.
    pub fn disarm(&self) {
        self.state().armed.clear();
    }

    /// Looks at the next piece of a stream; the first trigger that strikes is spent once.
    pub fn observe(&self, progress: &mut Progress, direction: Direction, piece: &[u8]) -> Option<Hit> {
        let mut state = self.state();
        let mut struck = None;
        for (index, armed) in state.armed.iter_mut().enumerate() {
            if armed.trigger.direction != direction {
                continue;
            }
            let matched = progress.0.entry(armed.id).or_default();
            for (at, &byte) in piece.iter().enumerate() {
                if !armed.matcher.completes(matched, byte) {
                    continue;
                }
                if armed.trigger.skip > 0 {
                    armed.trigger.skip -= 1;
                    continue;
                }
                let before = (at + 1).saturating_sub(armed.matcher.len());
                struck = Some((index, Hit { moment: armed.trigger.moment, before }));
                break;
            }
            if struck.is_some() {
                break;
            }
        }
        let (index, hit) = struck?;
        // The index was found above, under the same lock.
        state.armed[index].trigger.times -= 1;
        if state.armed[index].trigger.times == 0 {
            state.armed.remove(index);
        }
        Some(hit)
    }

    /// Counts a connection and gives it a number.
    pub fn open(&self) -> u64 {
        let mut state = self.state();
        let id = state.next_connection;
        state.next_connection += 1;
        state.live.insert(id);
        id
    }

    /// Counts a cut.
    pub fn count_cut(&self) {
        self.state().cuts += 1;
        self.changed.notify_all();
    }

    /// Forgets a connection that has ended.
    pub fn close(&self, id: u64) {
        self.state().live.remove(&id);
        self.changed.notify_all();
    }

    /// Connections so far, which is the number that the next one gets.
    pub fn opened(&self) -> u64 {
        self.state().next_connection
    }

    /// Connections that were cut.
    pub fn cuts(&self) -> u64 {
        self.state().cuts
    }

    /// Waits until no connection with a number below `id` is open.
    pub fn wait_closed(&self, id: u64) {
        let some_left = |state: &mut State| state.live.first().is_some_and(|&first| first < id);
        drop(self.changed.wait_while(self.state(), some_left));
    }

    /// Waits until this many connections have been cut; whether it came to that within the limit.
    pub fn wait_cuts(&self, cuts: u64, limit: Duration) -> bool {
        let too_few = |state: &mut State| state.cuts < cuts;
        match self.changed.wait_timeout_while(self.state(), limit, too_few) {
            Ok((_, result)) => !result.timed_out(),
            Err(error) => !error.into_inner().1.timed_out(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn armed(trigger: Trigger) -> Shared {
        let shared = Shared::default();
        shared.arm(trigger);
        shared
    }

    #[test]
    fn a_pattern_may_come_in_pieces() {
        let shared = armed(Trigger::new(*b"COMMIT", Direction::ToServer, Moment::Before));
        let mut progress = Progress::default();
        assert_eq!(shared.observe(&mut progress, Direction::ToServer, b"xxCOM"), None);
        assert_eq!(shared.observe(&mut progress, Direction::ToClient, b"MIT"), None, "the other direction");
        assert_eq!(
            shared.observe(&mut Progress::default(), Direction::ToServer, b"MIT"),
            None,
            "another one"
        );
        let hit = shared.observe(&mut progress, Direction::ToServer, b"MIT;");
        assert_eq!(hit, Some(Hit { moment: Moment::Before, before: 0 }));
    }

    #[test]
    fn what_stands_before_an_occurrence_is_known() {
        let shared = armed(Trigger::new(*b"ab", Direction::ToClient, Moment::Forwarded));
        let hit = shared.observe(&mut Progress::default(), Direction::ToClient, b"xyzab");
        assert_eq!(hit.map(|hit| hit.before), Some(3));
    }

    #[test]
    fn a_trigger_skips_and_is_spent() {
        let trigger = Trigger::new(*b"a", Direction::ToServer, Moment::Before).after(2).times(2);
        let shared = armed(trigger);
        let mut progress = Progress::default();
        let mut struck = |piece: &[u8]| shared.observe(&mut progress, Direction::ToServer, piece).is_some();
        assert!(!struck(b"a"));
        assert!(struck(b"-aa"));
        assert!(struck(b"a"));
        assert!(!struck(b"aaa"));
    }

    #[test]
    fn a_disarmed_trigger_does_not_strike() {
        let shared = armed(Trigger::new(*b"a", Direction::ToServer, Moment::Before));
        shared.arm(Trigger::new(*b"a", Direction::ToServer, Moment::Before).times(0));
        shared.disarm();
        assert_eq!(shared.observe(&mut Progress::default(), Direction::ToServer, b"a"), None);
    }
}
