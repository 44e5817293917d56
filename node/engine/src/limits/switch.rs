use etl_model::CircuitBreaker;
use tokio::time::Instant;

use super::lease::{CircuitAnswer, CircuitRequest, Conclusion, Probe};

/// A breaker as this process knows it.
#[derive(Debug, Default)]
pub(super) struct Switch {
    /// Until when at least it is open; `None` while it is closed.
    open_until: Option<Instant>,
    failures: u64,
    heard: u64,
    /// Chains that wait to call the step.
    waiting: usize,
    probe: Option<Trial>,
    /// Probes that have ended, so that a late answer does not begin one again.
    last_probe: u64,
}

/// The probe of this process.
#[derive(Debug, Clone, Copy)]
struct Trial {
    id: u64,
    is_taken: bool,
    conclusion: Option<Conclusion>,
}

/// How a chain may call the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// As all others.
    Free,
    /// As the one that shows how the system is.
    Probe(u64),
}

impl Switch {
    /// Whether a chain may call the step now.
    pub fn way(&mut self) -> Option<Way> {
        if self.open_until.is_none() {
            return Some(Way::Free);
        }
        let trial = self.probe.as_mut().filter(|trial| !trial.is_taken)?;
        trial.is_taken = true;
        Some(Way::Probe(trial.id))
    }

    pub fn is_open(&self) -> bool {
        self.open_until.is_some()
    }

    /// A chain begins or ends to wait.
    pub fn wait(&mut self, begins: bool) {
        self.waiting = if begins { self.waiting + 1 } else { self.waiting.saturating_sub(1) };
    }

    /// How many chains wait because it is open; `None` when none does.
    pub fn waiting(&self) -> Option<usize> {
        (self.is_open() && self.waiting > 0).then_some(self.waiting)
    }

    /// A call has ended that was made in this way. Whether the grantor should hear of it at once.
    pub fn conclude(&mut self, way: Way, conclusion: Conclusion) -> bool {
        match (way, conclusion) {
            (Way::Free, Conclusion::Failed) => self.failures += 1,
            (Way::Free, _) => return false,
            (Way::Probe(id), conclusion) => {
                let trial = self.probe.as_mut().filter(|trial| trial.id == id && trial.conclusion.is_none());
                let Some(trial) = trial else { return false };
                trial.conclusion = Some(conclusion);
            }
        }
        true
    }

    /// The number of the last failure that was seen here, to be compared with [`heard`](Self::heard).
    pub fn failures(&self) -> u64 {
        self.failures
    }

    /// The number of the last failure of which the grantor knows.
    pub fn heard(&self) -> u64 {
        self.heard
    }

    /// What to tell. A probe that came when nobody waits any more is given back.
    pub fn request(&mut self, key: &str, policy: &CircuitBreaker, now: Instant) -> CircuitRequest {
        if self.waiting == 0
            && let Some(trial) = self.probe.as_mut().filter(|trial| !trial.is_taken)
        {
            trial.is_taken = true;
            trial.conclusion.get_or_insert(Conclusion::Abandoned);
        }
        CircuitRequest {
            key: key.to_owned(),
            policy: policy.clone(),
            failures: self.failures,
            heard: self.heard,
            open_left: self.open_until.map(|until| until.saturating_duration_since(now)),
            waits: self.waiting > 0,
            probe: self.probe.map(|trial| Probe { id: trial.id, conclusion: trial.conclusion }),
        }
    }

    /// Takes in the answer to a request.
    pub fn take(&mut self, request: &CircuitRequest, answer: &CircuitAnswer, now: Instant) {
        self.heard = self.heard.max(request.failures);
        if let Some(told) = request.probe.filter(|told| told.conclusion.is_some()) {
            self.probe.take_if(|trial| trial.id == told.id);
            self.last_probe = self.last_probe.max(told.id);
        }
        match answer {
            CircuitAnswer::Closed => (self.open_until, self.probe) = (None, None),
            CircuitAnswer::Open { left } => {
                self.open_until = Some(now + *left);
                // Given to somebody else, because this process was not heard of.
                self.probe.take_if(|trial| request.probe.is_some_and(|told| told.id == trial.id));
            }
            CircuitAnswer::Probe { id } => {
                self.open_until.get_or_insert(now);
                if *id > self.last_probe && self.probe.is_none_or(|trial| trial.id != *id) {
                    self.probe = Some(Trial { id: *id, is_taken: false, conclusion: None });
                }
            }
            CircuitAnswer::Mismatch(_) => {}
        }
    }

    /// Whether something is going on of which the grantor should hear often.
    pub fn is_busy(&self) -> bool {
        self.is_open() || self.failures > self.heard
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use etl_model::Span;

    use super::*;

    fn policy() -> CircuitBreaker {
        let span = Span(Duration::from_secs(10));
        CircuitBreaker { failures: 3, within: span, open_for: span, name: None }
    }

    fn told(switch: &mut Switch, answer: CircuitAnswer) {
        let now = Instant::now();
        let request = switch.request("crm", &policy(), now);
        switch.take(&request, &answer, now);
    }

    #[test]
    fn nobody_passes_an_open_one_but_one_probe() {
        let mut switch = Switch::default();
        assert_eq!(switch.way(), Some(Way::Free));
        switch.wait(true);
        told(&mut switch, CircuitAnswer::Open { left: Duration::from_secs(1) });
        assert!(switch.is_open() && switch.way().is_none());
        told(&mut switch, CircuitAnswer::Probe { id: 7 });
        assert_eq!((switch.way(), switch.way()), (Some(Way::Probe(7)), None));
        told(&mut switch, CircuitAnswer::Probe { id: 7 });
        assert_eq!(switch.way(), None, "it is the same one");
        assert!(switch.conclude(Way::Probe(7), Conclusion::Succeeded));
        assert!(!switch.conclude(Way::Probe(7), Conclusion::Failed), "the first conclusion counts");
        let request = switch.request("crm", &policy(), Instant::now());
        assert_eq!(request.probe, Some(Probe { id: 7, conclusion: Some(Conclusion::Succeeded) }));
        told(&mut switch, CircuitAnswer::Closed);
        assert_eq!(switch.way(), Some(Way::Free));
        assert_eq!(switch.request("crm", &policy(), Instant::now()).probe, None);
    }

    #[test]
    fn a_probe_that_was_given_to_another_is_none_of_this_process() {
        let mut switch = Switch::default();
        switch.wait(true);
        told(&mut switch, CircuitAnswer::Probe { id: 7 });
        told(&mut switch, CircuitAnswer::Open { left: Duration::ZERO });
        assert_eq!(switch.way(), None);
        told(&mut switch, CircuitAnswer::Probe { id: 9 });
        assert_eq!(switch.way(), Some(Way::Probe(9)));
        switch.conclude(Way::Probe(9), Conclusion::Abandoned);
        told(&mut switch, CircuitAnswer::Open { left: Duration::ZERO });
        told(&mut switch, CircuitAnswer::Probe { id: 9 });
        assert_eq!(switch.way(), None, "an answer that comes late begins nothing anew");
    }

    #[test]
    fn a_probe_for_which_nobody_waits_any_more_is_given_back() {
        let mut switch = Switch::default();
        switch.wait(true);
        told(&mut switch, CircuitAnswer::Open { left: Duration::ZERO });
        told(&mut switch, CircuitAnswer::Probe { id: 7 });
        switch.wait(false);
        let request = switch.request("crm", &policy(), Instant::now());
        assert_eq!(request.probe, Some(Probe { id: 7, conclusion: Some(Conclusion::Abandoned) }));
        assert_eq!(switch.way(), None, "it is not this process's any more");
    }

    #[test]
    fn a_failure_is_told_until_it_was_heard() {
        let mut switch = Switch::default();
        assert!(switch.conclude(Way::Free, Conclusion::Failed));
        assert!(!switch.conclude(Way::Free, Conclusion::Succeeded), "successes are the rule");
        let request = switch.request("crm", &policy(), Instant::now());
        assert_eq!((request.failures, request.heard), (1, 0));
        switch.conclude(Way::Free, Conclusion::Failed);
        switch.take(&request, &CircuitAnswer::Closed, Instant::now());
        assert_eq!((switch.failures(), switch.heard()), (2, 1), "the second came meanwhile");
    }
}
