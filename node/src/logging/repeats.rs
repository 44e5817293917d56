use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Events of one place and message that pass in one interval.
const PASS: u32 = 20;
/// How long an interval is.
const INTERVAL: Duration = Duration::from_secs(10);
/// Places and messages that are counted at the same time.
const MOST: usize = 1000;

/// A place in the program, and what is said there.
type Key = (usize, String);

/// Holds back what is said again and again.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    counted: HashMap<Key, Counted>,
    looked: Option<Instant>,
}

#[derive(Debug)]
struct Counted {
    since: Instant,
    passed: u32,
    held: u64,
}

/// What to do with an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is written, and so many like it were not, just before.
    Pass(u64),
    /// It is not.
    Hold,
}

impl Repeats {
    /// Judges an event that is said at a place.
    pub fn judge(&mut self, place: usize, message: &str, now: Instant) -> Verdict {
        let key = (place, message.to_owned());
        if !self.counted.contains_key(&key) && self.counted.len() >= MOST {
            // What is said in so many ways is no repeat.
            return Verdict::Pass(0);
        }
        let counted = self.counted.entry(key).or_insert(Counted { since: now, passed: 0, held: 0 });
        let mut held = 0;
        if now.saturating_duration_since(counted.since) >= INTERVAL {
            held = counted.held;
            *counted = Counted { since: now, passed: 0, held: 0 };
        }
        if counted.passed < PASS {
            counted.passed += 1;
            return Verdict::Pass(held);
        }
        counted.held += 1;
        Verdict::Hold
    }

    /// The messages whose interval is over and that were held back, with how often; they and those that are not said any more
    /// are forgotten. Looks at most once an interval.
    pub fn over(&mut self, now: Instant) -> Vec<(String, u64)> {
        let is_early = self.looked.is_some_and(|looked| now.saturating_duration_since(looked) < INTERVAL);
        if is_early {
            return Vec::new();
        }
        self.looked = Some(now);
        let mut told = Vec::new();
        self.counted.retain(|(_, message), counted| {
            let is_over = now.saturating_duration_since(counted.since) >= INTERVAL;
            if is_over && counted.held > 0 {
                told.push((message.clone(), counted.held));
            }
            !is_over
        });
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ones_of_an_interval_pass_and_the_next_one_tells_how_many_did_not() {
        let (mut repeats, start) = (Repeats::default(), Instant::now());
        for _ in 0..PASS {
            assert_eq!(repeats.judge(1, "again", start), Verdict::Pass(0));
        }
        for _ in 0..7 {
            assert_eq!(repeats.judge(1, "again", start), Verdict::Hold);
        }
        assert_eq!(repeats.judge(1, "something else", start), Verdict::Pass(0));
        assert_eq!(repeats.judge(2, "again", start), Verdict::Pass(0), "another place");
        assert_eq!(repeats.judge(1, "again", start + INTERVAL), Verdict::Pass(7));
        assert_eq!(repeats.judge(1, "again", start + INTERVAL), Verdict::Pass(0));
    }

    #[test]
    fn what_is_not_said_any_more_is_told_once_and_forgotten() {
        let (mut repeats, start) = (Repeats::default(), Instant::now());
        for _ in 0..PASS + 3 {
            repeats.judge(1, "again", start);
        }
        repeats.judge(1, "once", start);
        assert!(repeats.over(start).is_empty());
        assert_eq!(repeats.over(start + INTERVAL), [("again".to_owned(), 3)]);
        assert!(repeats.over(start + INTERVAL * 2).is_empty() && repeats.counted.is_empty());
        for number in 0..MOST * 2 {
            assert_eq!(repeats.judge(1, &number.to_string(), start), Verdict::Pass(0));
        }
        assert_eq!(repeats.counted.len(), MOST);
    }
}
