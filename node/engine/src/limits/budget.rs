use std::collections::BTreeMap;

use etl_model::RateLimit;
use tokio::time::Instant;

use super::{TERM, UNIT};

/// What of a rate is left to be leased, and to whom it is due. Begins with nothing.
///
/// What comes in is divided among the nodes that wait for more, by how much they wait for, and kept for each of them; what
/// nobody waits for is there for whoever asks next. At most a [`TERM`]'s worth is kept in all, and at least one record.
/// Amounts are millionths of a record or byte.
#[derive(Debug)]
pub(super) struct Budget {
    limit: RateLimit,
    accounts: BTreeMap<u64, Account>,
    /// Nobody's yet.
    free: u64,
    updated: Instant,
    /// Of the division by the time of the rate, so that nothing is lost over many updates.
    remainder: u128,
}

/// A node that has asked.
#[derive(Debug)]
struct Account {
    kept: u64,
    /// What it has asked for and was not given.
    waits_for: u64,
    asked: Instant,
}

impl Budget {
    pub fn new(limit: RateLimit, now: Instant) -> Self {
        Self { limit, accounts: BTreeMap::new(), free: 0, updated: now, remainder: 0 }
    }

    pub fn limit(&self) -> &RateLimit {
        &self.limit
    }

    /// When it was last asked.
    pub fn asked(&self) -> Instant {
        self.updated
    }

    /// Gives a node its share, at most what it asks for.
    pub fn grant(&mut self, node: u64, demand: u64, now: Instant) -> u64 {
        self.advance(now);
        let kept = self.accounts.remove(&node).map_or(0, |account| account.kept);
        let own = kept.min(demand);
        // What it does not need any more is there for others.
        self.free += kept - own;
        let found = self.free.min(demand - own);
        self.free -= found;
        let granted = own + found;
        self.accounts.insert(node, Account { kept: 0, waits_for: demand - granted, asked: now });
        granted
    }

    /// The most that is kept.
    fn capacity(&self) -> u64 {
        let of_term = u128::from(self.limit.amount.number()) * u128::from(UNIT) * TERM.as_nanos()
            / self.limit.per.0.as_nanos().max(1);
        u64::try_from(of_term).unwrap_or(u64::MAX / 4).clamp(UNIT, u64::MAX / 4)
    }

    /// Takes in what has come since the last time.
    fn advance(&mut self, now: Instant) {
        let since = now.saturating_duration_since(self.updated);
        self.updated = self.updated.max(now);
        let silent = |account: &Account| now.saturating_duration_since(account.asked) > TERM;
        let gone: Vec<u64> =
            self.accounts.iter().filter(|(_, account)| silent(account)).map(|(node, _)| *node).collect();
        for node in gone {
            self.free += self.accounts.remove(&node).map_or(0, |account| account.kept);
        }
        let per = self.limit.per.0.as_nanos().max(1);
        let come =
            u128::from(self.limit.amount.number()) * u128::from(UNIT) * since.as_nanos() + self.remainder;
        self.remainder = come % per;
        let kept: u64 = self.free + self.accounts.values().map(|account| account.kept).sum::<u64>();
        let room = self.capacity().saturating_sub(kept);
        let come = u64::try_from(come / per).unwrap_or(u64::MAX).min(room);
        let wanted: u128 = self.accounts.values().map(|account| u128::from(account.waits_for)).sum();
        let mut left = come;
        for account in self.accounts.values_mut() {
            // Nobody waits for anything.
            let Some(share) = (u128::from(come) * u128::from(account.waits_for)).checked_div(wanted) else {
                break;
            };
            let lacks = account.waits_for.saturating_sub(account.kept);
            let given = u64::try_from(share).unwrap_or(u64::MAX).min(lacks).min(left);
            account.kept += given;
            left -= given;
        }
        self.free += left;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use etl_model::{RateAmount, Span};
    use proptest::prelude::*;

    use super::*;

    fn rate(records: u64, per: Duration) -> RateLimit {
        RateLimit { amount: RateAmount::Records(records), per: Span(per), name: None }
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn it_begins_with_nothing_and_keeps_a_term_at_most() {
        let begin = Instant::now();
        let mut budget = Budget::new(rate(1000, ms(1000)), begin);
        assert_eq!(budget.grant(1, u64::MAX, begin), 0);
        assert_eq!(budget.grant(1, 10 * UNIT, begin + ms(100)), 10 * UNIT, "100 have come");
        assert_eq!(budget.grant(2, u64::MAX, begin + ms(100)), 90 * UNIT);
        assert_eq!(budget.grant(1, u64::MAX, begin + ms(60_000)), 500 * UNIT, "no more than a term's");
        let mut slow = Budget::new(rate(1, ms(60_000)), begin);
        assert_eq!(slow.grant(1, u64::MAX, begin + ms(30_000)), UNIT / 2);
        assert_eq!(slow.grant(1, u64::MAX, begin + ms(600_000)), UNIT, "one record is always kept");
        assert_eq!(slow.grant(1, UNIT, begin), 0, "a clock that goes back gives nothing");
    }

    /// What nodes get that wait for `demands` again and again, each at its own time within a period of 100 ms.
    fn shares(demands: &[u64], offsets: &[u64]) -> Vec<u64> {
        let begin = Instant::now();
        let mut budget = Budget::new(rate(1000, ms(1000)), begin);
        let mut got = vec![0; demands.len()];
        for round in 0..200 {
            for (node, (demand, offset)) in demands.iter().zip(offsets).enumerate() {
                let now = begin + ms(round * 100 + offset);
                got[node] += budget.grant(node as u64, demand * UNIT, now);
            }
        }
        got.iter().map(|micro| micro / UNIT).collect()
    }

    #[test]
    fn shares_follow_demands_whoever_asks_first() {
        for offsets in [[0, 1, 2], [0, 49, 98], [0, 0, 0]] {
            let got = shares(&[1000, 1000, 1000], &offsets);
            assert!(got.iter().all(|got| (6000..=7300).contains(got)), "{offsets:?}: {got:?}");
            let got = shares(&[3000, 1000, 2000], &offsets);
            assert!((9000..=11_000).contains(&got[0]), "half of 20,000: {got:?}");
            assert!((2900..=3800).contains(&got[1]), "a sixth: {got:?}");
            let got = shares(&[40, 20], &offsets[..2]);
            assert!(
                (7900..=8000).contains(&got[0]) && (3900..=4000).contains(&got[1]),
                "less than there is: {got:?}"
            );
        }
        assert_eq!(shares(&[1000], &[0]), [19_900], "one alone gets all");
    }

    #[test]
    fn the_share_of_a_node_that_is_gone_goes_to_the_others() {
        let begin = Instant::now();
        let mut budget = Budget::new(rate(1000, ms(1000)), begin);
        budget.grant(1, 1000 * UNIT, begin);
        budget.grant(2, 1000 * UNIT, begin);
        let mut got = 0;
        for round in 1..=100 {
            got += budget.grant(1, 1000 * UNIT, begin + ms(round * 100));
        }
        assert!(got / UNIT >= 9_900, "{got}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

        /// Nodes that come and go and ask for anything: in no window more is granted than the rate and one capacity.
        #[test]
        fn never_more_than_the_rate_and_what_is_kept(
            records in 1..5000u64,
            per_ms in 1..100_000u64,
            asks in proptest::collection::vec((0..800u64, 0..6u64, 0..3_000_000_000u64), 1..120),
        ) {
            let begin = Instant::now();
            let limit = rate(records, ms(per_ms));
            let mut budget = Budget::new(limit, begin);
            let capacity = budget.capacity();
            let mut now = begin;
            let mut granted: Vec<(Duration, u64)> = Vec::new();
            for (pause, node, demand) in asks {
                now += ms(pause);
                let got = budget.grant(node, demand, now);
                prop_assert!(got <= demand);
                granted.push((now - begin, got));
            }
            for (index, (from, _)) in granted.iter().enumerate() {
                let mut sum = 0_u128;
                for (to, got) in &granted[index..] {
                    sum += u128::from(*got);
                    let come = u128::from(records) * u128::from(UNIT) * (*to - *from).as_nanos()
                        / ms(per_ms).as_nanos();
                    prop_assert!(sum <= come + 1 + u128::from(capacity), "{} after {:?}", sum, *to - *from);
                }
            }
        }
    }
}
