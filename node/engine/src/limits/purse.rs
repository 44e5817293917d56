use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::TERM;

/// What a node was leased of a budget, and who waits for it, one after the other. Amounts are millionths of a record or byte.
///
/// Only the first in the line is given anything, until it has all that it needs, so that on every node one piece at most is
/// being saved up for. A lease that is not used in time is gone.
#[derive(Debug, Default)]
pub(super) struct Purse {
    leases: VecDeque<Lease>,
    line: VecDeque<Turn>,
    last_ticket: u64,
    /// What passed in the present and the last [`TERM`].
    passed: [u64; 2],
    counted_from: Option<Instant>,
}

#[derive(Debug)]
struct Lease {
    left: u64,
    until: Instant,
}

#[derive(Debug)]
struct Turn {
    ticket: u64,
    needs: u64,
    has: u64,
}

impl Purse {
    /// Whether so much may pass at once; otherwise a ticket of the line for it.
    pub fn enter(&mut self, needs: u64, now: Instant) -> Result<(), u64> {
        self.last_ticket += 1;
        let ticket = self.last_ticket;
        self.line.push_back(Turn { ticket, needs, has: 0 });
        self.settle(now);
        if self.is_served(ticket) { Ok(()) } else { Err(ticket) }
    }

    /// Whether what a ticket is for may pass.
    pub fn is_served(&self, ticket: u64) -> bool {
        self.line.iter().all(|turn| turn.ticket != ticket)
    }

    /// Gives up a ticket. What it has is lost.
    pub fn leave(&mut self, ticket: u64) {
        self.line.retain(|turn| turn.ticket != ticket);
    }

    /// Takes in what was leased when it was asked for at `asked`.
    pub fn fill(&mut self, granted: u64, asked: Instant, now: Instant) {
        if granted > 0 {
            self.leases.push_back(Lease { left: granted, until: asked + TERM });
        }
        self.settle(now);
    }

    /// How much to ask for: what is waited for, and what is likely to be needed next, without what is there. 0 when nobody
    /// uses it.
    pub fn demand(&mut self, now: Instant) -> u64 {
        self.settle(now);
        self.count(0, now);
        let waits: u64 = self.line.iter().map(|turn| turn.needs - turn.has).fold(0, u64::saturating_add);
        let there: u64 = self.leases.iter().map(|lease| lease.left).sum();
        let next = self.passed[0].max(self.passed[1]);
        waits.saturating_add(next).saturating_sub(there)
    }

    /// Hands out what is there.
    fn settle(&mut self, now: Instant) {
        self.leases.retain(|lease| now < lease.until);
        while let Some(first) = self.line.front_mut() {
            while first.has < first.needs
                && let Some(lease) = self.leases.front_mut()
            {
                let given = lease.left.min(first.needs - first.has);
                (first.has, lease.left) = (first.has + given, lease.left - given);
                if lease.left == 0 {
                    self.leases.pop_front();
                }
            }
            if first.has < first.needs {
                return;
            }
            let passed = first.needs;
            self.line.pop_front();
            self.count(passed, now);
        }
    }

    fn count(&mut self, passed: u64, now: Instant) {
        let from = *self.counted_from.get_or_insert(now);
        let since = now.saturating_duration_since(from);
        if since >= TERM {
            let [present, _] = self.passed;
            let is_recent = since < TERM + Duration::from_secs(1);
            self.passed = [0, if is_recent { present } else { 0 }];
            self.counted_from = Some(now);
        }
        self.passed[0] = self.passed[0].saturating_add(passed);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_first_in_the_line_is_served_first_and_may_save_up() {
        let now = Instant::now();
        let mut purse = Purse::default();
        let first = purse.enter(10, now).unwrap_err();
        let second = purse.enter(1, now).unwrap_err();
        assert_eq!(purse.demand(now), 11);
        purse.fill(6, now, now);
        assert!(!purse.is_served(first) && !purse.is_served(second), "nobody overtakes");
        assert_eq!(purse.demand(now), 5);
        let later = now + ms(2000);
        purse.fill(5, later, later);
        assert!(purse.is_served(first) && purse.is_served(second));
        assert!(purse.line.is_empty());
    }

    #[test]
    fn a_lease_ends_a_term_after_it_was_asked_for() {
        let asked = Instant::now();
        let mut purse = Purse::default();
        purse.fill(10, asked, asked + ms(400));
        assert!(purse.enter(4, asked + ms(499)).is_ok());
        let ticket = purse.enter(4, asked + ms(500)).unwrap_err();
        purse.fill(10, asked, asked + ms(500));
        assert!(!purse.is_served(ticket), "the answer came too late");
        purse.leave(ticket);
        assert!(purse.line.is_empty());
    }

    #[test]
    fn what_passes_is_asked_for_again_until_nothing_does() {
        let now = Instant::now();
        let mut purse = Purse::default();
        assert_eq!(purse.demand(now), 0);
        purse.fill(10, now, now);
        purse.enter(10, now).unwrap();
        assert_eq!(purse.demand(now + ms(100)), 10);
        assert_eq!(purse.demand(now + ms(600)), 10, "in the term before");
        assert_eq!(purse.demand(now + ms(1200)), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

        #[test]
        fn nothing_passes_that_was_not_leased(
            steps in proptest::collection::vec((0..400u64, 0..50u64, 0..50u64, any::<bool>()), 1..200),
        ) {
            let mut now = Instant::now();
            let mut purse = Purse::default();
            let (mut leased, mut passed) = (0_u64, 0_u64);
            let mut waiting: Vec<(u64, u64)> = Vec::new();
            for (pause, granted, needs, leaves) in steps {
                let asked = now;
                now += ms(pause);
                purse.fill(granted, asked, now);
                leased += granted;
                match purse.enter(needs, now) {
                    Ok(()) => passed += needs,
                    Err(ticket) => waiting.push((ticket, needs)),
                }
                if leaves && !waiting.is_empty() {
                    let (ticket, needs) = waiting.swap_remove(0);
                    if purse.is_served(ticket) { passed += needs } else { purse.leave(ticket) }
                }
                waiting.retain(|(ticket, needs)| {
                    let is_served = purse.is_served(*ticket);
                    passed += if is_served { *needs } else { 0 };
                    !is_served
                });
                prop_assert!(passed <= leased, "{} of {}", passed, leased);
            }
        }
    }
}
