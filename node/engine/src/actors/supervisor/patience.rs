use std::collections::HashMap;
use std::time::{Duration, Instant};

use etl_model::{Retry, StepName};
use etl_sdk::RetryPolicy;

use crate::EngineError;

/// Before a chain is opened again that will wait for a circuit breaker.
const REOPEN: Duration = Duration::from_millis(20);

type Pauses = Box<dyn Iterator<Item = Duration> + Send>;

/// How long a chain that fails is tried again.
#[derive(Default)]
pub(super) struct Patience {
    /// What is left of every policy: by the step that has its own, `None` for the one of the run.
    pauses: HashMap<Option<StepName>, Pauses>,
    /// When it failed for the first time since it came any further.
    failing_since: Option<Instant>,
    has_committed: bool,
}

impl Patience {
    /// The chain came further: what failed before does not count any more.
    pub fn committed(&mut self) {
        self.has_committed = true;
    }

    /// The pause before the chain is opened again; `None` when it is not. `own` is the step that failed, if the policy is its
    /// own. While a breaker is open that says when it goes on, however often that has failed: opening waits for it.
    pub fn pause(
        &mut self,
        policy: &RetryPolicy,
        own: Option<&StepName>,
        error: &EngineError,
        is_open: bool,
    ) -> Option<Duration> {
        if std::mem::take(&mut self.has_committed) || is_open {
            self.pauses.clear();
            self.failing_since = None;
        }
        if error.retry() != Retry::Backoff {
            return None;
        }
        if is_open {
            return Some(REOPEN);
        }
        if !policy.covers(error.code()) {
            return None;
        }
        let failing_for = self.failing_since.get_or_insert_with(Instant::now).elapsed();
        let pauses = self.pauses.entry(own.cloned()).or_insert_with(|| Box::new(policy.pauses()));
        pauses.next().filter(|pause| policy.allows(failing_for, *pause))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use etl_sdk::ConnectorError;

    use super::*;

    fn failed(step: &str) -> EngineError {
        let error = ConnectorError::transient("server_unavailable", "away");
        EngineError::Step { step: StepName::new(step).unwrap(), error }
    }

    #[test]
    fn every_policy_is_used_up_by_itself_until_the_chain_comes_further() {
        let times = |max_attempts| RetryPolicy { max_attempts, ..RetryPolicy::default() };
        let (run, own) = (times(3), times(5));
        let step = StepName::new("sink").unwrap();
        let mut patience = Patience::default();
        let tried = |patience: &mut Patience| {
            let of_run = (0..9).take_while(|_| patience.pause(&run, None, &failed("a"), false).is_some());
            let of_run = of_run.count();
            let again = || patience.pause(&own, Some(&step), &failed("sink"), false).is_some();
            (of_run, std::iter::repeat_with(again).take(9).take_while(|again| *again).count())
        };
        assert_eq!(tried(&mut patience), (2, 4));
        assert_eq!(tried(&mut patience), (0, 0));
        patience.committed();
        assert_eq!(tried(&mut patience), (2, 4));
        for _ in 0..20 {
            assert_eq!(patience.pause(&run, None, &failed("a"), true), Some(REOPEN));
        }
        assert_eq!(tried(&mut patience), (2, 4), "an open breaker gives all attempts back");
        let fatal = EngineError::Internal("defect".to_owned());
        assert_eq!(patience.pause(&run, None, &fatal, true), None);
    }
}
