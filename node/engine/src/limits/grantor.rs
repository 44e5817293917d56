use std::collections::BTreeMap;

use etl_model::{CircuitBreaker, RateLimit};
use tokio::time::Instant;

use super::IDLE;
use super::budget::Budget;
use super::circuit::{Asker, Circuit};
use super::lease::{BudgetAnswer, BudgetRequest, CircuitAnswer, CircuitRequest, LeaseAnswer, LeaseRequest};

/// Leases budgets and keeps breakers, for as long as it is the only one that does. No clock, no IO.
#[derive(Debug)]
pub struct Grantor {
    /// Before that an earlier grantor's leases and probes may be in force.
    opens_at: Instant,
    budgets: BTreeMap<String, Budget>,
    circuits: BTreeMap<String, Circuit>,
    /// The ids of its probes begin here, above those of every earlier grantor.
    next_probe: u64,
}

impl Grantor {
    /// One that grants nothing before `opens_at`. `term` names it: later ones have higher numbers.
    pub fn new(term: u64, opens_at: Instant) -> Self {
        let next_probe = (term << 32).max(1);
        Self { opens_at, budgets: BTreeMap::new(), circuits: BTreeMap::new(), next_probe }
    }

    /// Answers a node. `asker` is the node and the number of its process.
    pub fn answer(&mut self, asker: (u64, u64), request: &LeaseRequest, now: Instant) -> LeaseAnswer {
        self.budgets.retain(|_, budget| now.saturating_duration_since(budget.asked()) < IDLE);
        self.circuits.retain(|_, circuit| {
            now.saturating_duration_since(circuit.asked()) < IDLE + circuit.policy().open_for.0
        });
        LeaseAnswer {
            budgets: request.budgets.iter().map(|request| self.budget(asker, request, now)).collect(),
            circuits: request.circuits.iter().map(|request| self.circuit(asker, request, now)).collect(),
        }
    }

    /// The breakers that are open, by key.
    pub fn open_circuits(&self) -> impl Iterator<Item = &str> {
        self.circuits.iter().filter(|(_, circuit)| circuit.is_open()).map(|(key, _)| key.as_str())
    }

    fn budget(&mut self, asker: Asker, request: &BudgetRequest, now: Instant) -> BudgetAnswer {
        if now < self.opens_at {
            return BudgetAnswer::Granted(0);
        }
        let begin = || Budget::new(request.limit.clone(), now);
        let budget = self.budgets.entry(request.key.clone()).or_insert_with(begin);
        if !same_rate(budget.limit(), &request.limit) {
            return BudgetAnswer::Mismatch(budget.limit().clone());
        }
        BudgetAnswer::Granted(budget.grant(asker.0, request.demand, now))
    }

    fn circuit(&mut self, asker: Asker, request: &CircuitRequest, now: Instant) -> CircuitAnswer {
        let begin = || Circuit::new(request.policy.clone(), now);
        let circuit = self.circuits.entry(request.key.clone()).or_insert_with(begin);
        if !same_policy(circuit.policy(), &request.policy) {
            return CircuitAnswer::Mismatch(circuit.policy().clone());
        }
        let probe = (now >= self.opens_at).then_some(self.next_probe);
        let answer = circuit.answer(asker, request, probe, now);
        if answer == (CircuitAnswer::Probe { id: self.next_probe }) {
            self.next_probe += 1;
        }
        answer
    }
}

fn same_rate(a: &RateLimit, b: &RateLimit) -> bool {
    a.amount == b.amount && a.per == b.per
}

fn same_policy(a: &CircuitBreaker, b: &CircuitBreaker) -> bool {
    (a.failures, a.within, a.open_for) == (b.failures, b.within, b.open_for)
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use std::time::Duration;

    use etl_model::{RateAmount, Span};
    use proptest::prelude::*;

    use super::super::{TERM, UNIT};
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn asking(records: u64, demand: u64) -> LeaseRequest {
        let limit = RateLimit { amount: RateAmount::Records(records), per: Span(ms(1000)), name: None };
        let request = BudgetRequest { key: "crm".to_owned(), limit, demand };
        LeaseRequest { budgets: vec![request], ..LeaseRequest::default() }
    }

    fn granted(answer: &LeaseAnswer) -> u64 {
        match &answer.budgets[0] {
            BudgetAnswer::Granted(granted) => *granted,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn other_figures_under_the_same_name_are_told_until_the_first_are_given_up() {
        let now = Instant::now();
        let mut grantor = Grantor::new(1, now);
        grantor.answer((1, 1), &asking(10, UNIT), now);
        let answer = grantor.answer((2, 1), &asking(20, UNIT), now);
        assert!(matches!(&answer.budgets[0], BudgetAnswer::Mismatch(known) if known.amount.number() == 10));
        let later = now + IDLE;
        let answer = grantor.answer((2, 1), &asking(20, UNIT), later);
        assert_eq!(granted(&answer), 0, "a new one begins with nothing");
        let answer = grantor.answer((2, 1), &asking(20, UNIT), later + ms(100));
        assert_eq!(granted(&answer), UNIT);
    }

    #[test]
    fn the_ids_of_probes_are_never_those_of_an_earlier_grantor() {
        let now = Instant::now();
        let span = Span(ms(1000));
        let policy = CircuitBreaker { failures: 1, within: span, open_for: span, name: None };
        let waits = |failures| {
            let request = CircuitRequest {
                key: "crm".to_owned(),
                policy: policy.clone(),
                failures,
                heard: 0,
                open_left: None,
                waits: true,
                probe: None,
            };
            LeaseRequest { circuits: vec![request], ..LeaseRequest::default() }
        };
        let ids: Vec<u64> = [3, 4]
            .map(|term| {
                let mut grantor = Grantor::new(term, now);
                grantor.answer((1, 1), &waits(1), now);
                assert_eq!(grantor.open_circuits().collect::<Vec<_>>(), ["crm"]);
                match grantor.answer((1, 1), &waits(1), now + ms(1000)).circuits[0] {
                    CircuitAnswer::Probe { id } => id,
                    ref other => panic!("{other:?}"),
                }
            })
            .into();
        assert!(ids[0] < ids[1], "{ids:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

        /// Leaders that follow one another, answers that are lost: what may be used in any window stays within the bound.
        #[test]
        fn leases_of_several_leaders_stay_within_the_bound(
            steps in proptest::collection::vec((1..400u64, 0..4u64, 0..2000u64, 0..20u64), 1..150),
        ) {
            const RATE: u64 = 1000;
            let begin = Instant::now();
            let mut now = begin;
            let mut term = 1;
            let mut grantor = Grantor::new(term, now);
            // When it was asked for and what was granted; it may be used for a term from then on.
            let mut leases: Vec<(Duration, u64)> = Vec::new();
            for (pause, node, demand, luck) in steps {
                let asked = now;
                now += ms(pause.min(200));
                if luck == 0 {
                    // The former leader may have answered until now; the new one waits out its leases.
                    term += 1;
                    grantor = Grantor::new(term, now + TERM);
                }
                let answer = grantor.answer((node, 1), &asking(RATE, demand * UNIT), now);
                if luck != 1 {
                    leases.push((asked - begin, granted(&answer)));
                }
                now += ms(pause.saturating_sub(200));
            }
            let term = TERM.as_millis() as u64;
            for (from, _) in &leases {
                for window in [0, 100, 1000, 5000] {
                    let window = ms(window);
                    // Whatever could be used between `from` and the end of the window.
                    let usable: u64 = leases
                        .iter()
                        .filter(|(asked, _)| *asked + TERM > *from && *asked <= *from + window)
                        .map(|(_, granted)| *granted)
                        .sum();
                    // Asked for at most 200 ms before it was granted.
                    let bound = RATE * UNIT * (window.as_millis() as u64 + 2 * term + 200) / 1000;
                    prop_assert!(usable <= bound + UNIT, "{} of {} in {:?}", usable, bound, window);
                }
            }
        }
    }
}
