use std::collections::{BTreeMap, VecDeque};

use etl_model::CircuitBreaker;
use tokio::time::Instant;

use super::lease::{CircuitAnswer, CircuitRequest, Conclusion, Probe};
use super::{IDLE, TERM};

/// A breaker over all nodes: closed, open after failures, then half open until one probe has shown how the system is.
#[derive(Debug)]
pub(super) struct Circuit {
    policy: CircuitBreaker,
    phase: Phase,
    /// By node and process: the failures that were heard, and when.
    heard: BTreeMap<(u64, u64), (u64, Instant)>,
    asked: Instant,
}

#[derive(Debug)]
enum Phase {
    /// With the times of the failures that count.
    Closed { failures: VecDeque<Instant> },
    /// Nobody calls the step before `until`, nor more than one after.
    Open { until: Instant, probe: Option<Trial> },
}

/// A probe that is under way.
#[derive(Debug)]
struct Trial {
    id: u64,
    node: (u64, u64),
    /// When its node has last told that it goes on.
    seen: Instant,
}

/// Who asks: the node and its process.
pub(super) type Asker = (u64, u64);

impl Circuit {
    /// A closed one.
    pub fn new(policy: CircuitBreaker, now: Instant) -> Self {
        let phase = Phase::Closed { failures: VecDeque::new() };
        Self { policy, phase, heard: BTreeMap::new(), asked: now }
    }

    pub fn policy(&self) -> &CircuitBreaker {
        &self.policy
    }

    /// When it was last asked.
    pub fn asked(&self) -> Instant {
        self.asked
    }

    /// Whether nobody may call the step, but for a probe.
    pub fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open { .. })
    }

    /// Takes in what a node tells and tells it how the breaker is. `probe` is the id for a probe if there is to be one now;
    /// `None` while an earlier grantor's may be under way, when what nodes know of it is believed as well.
    pub fn answer(
        &mut self,
        asker: Asker,
        request: &CircuitRequest,
        probe: Option<u64>,
        now: Instant,
    ) -> CircuitAnswer {
        self.asked = self.asked.max(now);
        if let (None, Some(left), Phase::Closed { .. }) = (probe, request.open_left, &self.phase) {
            // Not longer than it would be open by its own figures.
            self.phase = Phase::Open { until: now + left.min(self.policy.open_for.0), probe: None };
        }
        self.count(asker, request, now);
        if let Some(told) = request.probe {
            self.conclude(asker, told, now);
        }
        self.describe(asker, request.waits, probe, now)
    }

    /// Counts the failures that are new.
    fn count(&mut self, asker: Asker, request: &CircuitRequest, now: Instant) {
        self.heard.retain(|_, (_, at)| now.saturating_duration_since(*at) < IDLE);
        let (heard, at) = self.heard.entry(asker).or_insert((request.heard, now));
        *at = now;
        let known = (*heard).max(request.heard);
        let new = request.failures.saturating_sub(known);
        *heard = known.max(request.failures);
        let CircuitBreaker { failures: limit, within, open_for, .. } = &self.policy;
        let Phase::Closed { failures } = &mut self.phase else { return };
        failures.retain(|at| now.saturating_duration_since(*at) <= within.0);
        let limit = *limit as usize;
        failures.extend((0..new.min(limit as u64)).map(|_| now));
        if failures.len() >= limit {
            self.phase = Phase::Open { until: now + open_for.0, probe: None };
        }
    }

    /// Takes in how a probe goes. One that is not the present one says nothing any more.
    fn conclude(&mut self, asker: Asker, told: Probe, now: Instant) {
        let Phase::Open { until, probe } = &mut self.phase else { return };
        let Some(trial) = probe.as_mut().filter(|trial| trial.id == told.id && trial.node == asker) else {
            return;
        };
        match told.conclusion {
            None => trial.seen = now,
            Some(Conclusion::Succeeded) => self.phase = Phase::Closed { failures: VecDeque::new() },
            Some(Conclusion::Failed) => (*until, *probe) = (now + self.policy.open_for.0, None),
            Some(Conclusion::Abandoned) => *probe = None,
        }
    }

    fn describe(&mut self, asker: Asker, waits: bool, id: Option<u64>, now: Instant) -> CircuitAnswer {
        let Phase::Open { until, probe } = &mut self.phase else { return CircuitAnswer::Closed };
        let left = until.saturating_duration_since(now);
        // A node that has not told of its probe for so long is gone, or cut off.
        probe.take_if(|trial| now.saturating_duration_since(trial.seen) > 2 * TERM);
        match (probe.as_ref(), id) {
            (Some(trial), _) if trial.node == asker => CircuitAnswer::Probe { id: trial.id },
            (None, Some(id)) if waits && left.is_zero() => {
                *probe = Some(Trial { id, node: asker, seen: now });
                CircuitAnswer::Probe { id }
            }
            _ => CircuitAnswer::Open { left },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use etl_model::Span;
    use proptest::prelude::*;

    use super::*;

    const A: Asker = (1, 11);
    const B: Asker = (2, 22);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn policy(failures: u32) -> CircuitBreaker {
        let span = |s| Span(Duration::from_secs(s));
        CircuitBreaker { failures, within: span(30), open_for: span(10), name: None }
    }

    fn told(failures: u64, heard: u64) -> CircuitRequest {
        let (key, policy) = ("crm".to_owned(), policy(3));
        CircuitRequest { key, policy, failures, heard, open_left: None, waits: false, probe: None }
    }

    fn waits() -> CircuitRequest {
        CircuitRequest { waits: true, ..told(0, 0) }
    }

    fn probing(id: u64, conclusion: Option<Conclusion>) -> CircuitRequest {
        CircuitRequest { probe: Some(Probe { id, conclusion }), ..told(0, 0) }
    }

    fn open(circuit: &mut Circuit, now: Instant) {
        let answer = circuit.answer(A, &told(3, 0), Some(1), now);
        assert_eq!(answer, CircuitAnswer::Open { left: ms(10_000) });
    }

    #[test]
    fn failures_of_all_nodes_count_together_and_none_twice() {
        let now = Instant::now();
        let mut circuit = Circuit::new(policy(3), now);
        for _ in 0..5 {
            // The answer was lost, and the same is told again.
            assert_eq!(circuit.answer(A, &told(2, 0), Some(1), now), CircuitAnswer::Closed);
        }
        assert_eq!(circuit.answer(A, &told(2, 2), Some(1), now), CircuitAnswer::Closed);
        let third = circuit.answer(B, &told(8, 7), Some(1), now);
        assert_eq!(third, CircuitAnswer::Open { left: ms(10_000) }, "what B told an earlier grantor is past");
        assert_eq!(
            circuit.answer(A, &told(2, 2), Some(1), now + ms(4000)),
            CircuitAnswer::Open { left: ms(6000) }
        );
    }

    #[test]
    fn old_failures_do_not_count() {
        let begin = Instant::now();
        let mut circuit = Circuit::new(policy(3), begin);
        for failures in 1..10 {
            let now = begin + ms(failures * 16_000);
            assert_eq!(circuit.answer(A, &told(failures, failures - 1), Some(1), now), CircuitAnswer::Closed);
        }
    }

    #[test]
    fn one_probe_decides_when_the_time_is_over() {
        let begin = Instant::now();
        let mut circuit = Circuit::new(policy(3), begin);
        open(&mut circuit, begin);
        let shut = |left| CircuitAnswer::Open { left: ms(left) };
        assert_eq!(circuit.answer(B, &waits(), Some(5), begin + ms(9_999)), shut(1));
        let now = begin + ms(10_000);
        assert_eq!(circuit.answer(A, &told(3, 3), Some(5), now), shut(0), "nobody waits there");
        assert_eq!(circuit.answer(B, &waits(), Some(5), now), CircuitAnswer::Probe { id: 5 });
        assert_eq!(circuit.answer(A, &waits(), Some(6), now), shut(0), "one at a time");
        assert_eq!(
            circuit.answer(B, &waits(), Some(6), now),
            CircuitAnswer::Probe { id: 5 },
            "the answer was lost"
        );
        // It goes on for as long as its node says so.
        for step in 1..20 {
            let now = now + ms(step * 900);
            assert_eq!(circuit.answer(B, &probing(5, None), Some(7), now), CircuitAnswer::Probe { id: 5 });
            assert_eq!(circuit.answer(A, &waits(), Some(7), now), shut(0));
        }
        let now = now + ms(18_000);
        assert_eq!(circuit.answer(B, &probing(5, Some(Conclusion::Failed)), Some(8), now), shut(10_000));
        let now = now + ms(10_000);
        assert_eq!(circuit.answer(A, &waits(), Some(9), now), CircuitAnswer::Probe { id: 9 });
        let late = circuit.answer(B, &probing(5, Some(Conclusion::Succeeded)), Some(10), now);
        assert_eq!(late, shut(0), "an earlier probe says nothing");
        let done = circuit.answer(A, &probing(9, Some(Conclusion::Succeeded)), Some(10), now);
        assert_eq!(done, CircuitAnswer::Closed);
        assert_eq!(
            circuit.answer(A, &told(5, 3), Some(10), now),
            CircuitAnswer::Closed,
            "it begins to count anew"
        );
    }

    #[test]
    fn a_probe_that_is_given_back_or_lost_is_given_to_another() {
        let begin = Instant::now();
        let mut circuit = Circuit::new(policy(3), begin);
        open(&mut circuit, begin);
        let now = begin + ms(10_000);
        assert_eq!(circuit.answer(A, &waits(), Some(5), now), CircuitAnswer::Probe { id: 5 });
        circuit.answer(A, &probing(5, Some(Conclusion::Abandoned)), Some(6), now);
        assert_eq!(circuit.answer(B, &waits(), Some(6), now), CircuitAnswer::Probe { id: 6 });
        let soon = circuit.answer(A, &waits(), Some(7), now + ms(1000));
        assert_eq!(soon, CircuitAnswer::Open { left: ms(0) });
        assert_eq!(circuit.answer(A, &waits(), Some(7), now + ms(1001)), CircuitAnswer::Probe { id: 7 });
    }

    #[test]
    fn a_new_grantor_believes_those_who_know_it_as_open() {
        let begin = Instant::now();
        let mut circuit = Circuit::new(policy(3), begin);
        assert_eq!(circuit.answer(A, &told(0, 0), None, begin), CircuitAnswer::Closed);
        let knows = CircuitRequest { open_left: Some(ms(4000)), ..waits() };
        assert_eq!(circuit.answer(B, &knows, None, begin), CircuitAnswer::Open { left: ms(4000) });
        assert_eq!(circuit.answer(A, &told(0, 0), Some(1), begin), CircuitAnswer::Open { left: ms(4000) });
        let late = CircuitRequest { open_left: Some(Duration::ZERO), ..waits() };
        let mut circuit = Circuit::new(policy(3), begin);
        assert_eq!(
            circuit.answer(B, &late, None, begin),
            CircuitAnswer::Open { left: ms(0) },
            "no probe yet"
        );
        assert_eq!(circuit.answer(B, &late, Some(1), begin), CircuitAnswer::Probe { id: 1 });
        // Later a node may not have heard that it is closed again.
        let mut circuit = Circuit::new(policy(3), begin);
        assert_eq!(circuit.answer(B, &knows, Some(1), begin), CircuitAnswer::Closed);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

        /// Whatever nodes tell: open for its time, one probe at a time, and closed only by the success of that probe.
        #[test]
        fn only_the_present_probe_closes_it(
            steps in proptest::collection::vec((0..3000u64, 0..3u64, 0..4u64, any::<bool>(), 0..5usize), 1..150),
        ) {
            let mut now = Instant::now();
            let mut circuit = Circuit::new(policy(3), now);
            let mut failures = [0_u64; 3];
            let mut probes: Vec<(u64, u64)> = Vec::new();
            for (next_id, (pause, node, failed, waits, how)) in (1..).zip(steps) {
                now += ms(pause);
                let asker = (node, 0);
                failures[node as usize] += failed;
                let total = failures[node as usize];
                let conclusion = [
                    None,
                    Some(None),
                    Some(Some(Conclusion::Succeeded)),
                    Some(Some(Conclusion::Failed)),
                    Some(Some(Conclusion::Abandoned)),
                ][how];
                let mine = probes.iter().rev().find(|(_, of)| *of == node).map(|(id, _)| *id);
                let probe = mine.zip(conclusion).map(|(id, conclusion)| Probe { id, conclusion });
                let before = circuit.is_open();
                let present = match &circuit.phase {
                    Phase::Open { probe: Some(trial), .. } => Some(trial.id),
                    _ => None,
                };
                let request = CircuitRequest { waits, probe, ..told(total, total - failed) };
                let answer = circuit.answer(asker, &request, Some(next_id), now);
                if before && !circuit.is_open() {
                    prop_assert_eq!(probe.map(|probe| (Some(probe.id), probe.conclusion)),
                        Some((present, Some(Conclusion::Succeeded))));
                }
                if let CircuitAnswer::Probe { id } = answer {
                    prop_assert!(before, "a closed one has no probe");
                    if id == next_id {
                        prop_assert!(waits);
                        probes.push((id, node));
                    }
                }
                prop_assert_eq!(answer == CircuitAnswer::Closed, !circuit.is_open());
            }
        }
    }
}
