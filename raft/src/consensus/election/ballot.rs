use std::time::Duration;

use crate::type_config::LogId;

/// What decides whether a node would vote for another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ballot {
    /// For how long it has heard from no leader; for a leader, from no quorum.
    pub silence: Duration,
    /// For how long it must not have.
    pub lease: Duration,
    pub last: Option<LogId>,
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Yes,
    /// There is a leader.
    Led,
    /// There is none, but the one who asks lacks entries.
    Behind,
}

impl Ballot {
    /// Whether to vote for one whose last entry is `last`.
    pub fn judge(&self, last: Option<LogId>) -> Asked {
        if self.silence < self.lease {
            Asked::Led
        } else if last < self.last {
            Asked::Behind
        } else {
            Asked::Yes
        }
    }
}

#[cfg(test)]
mod tests {
    use openraft::CommittedLeaderId;

    use super::*;

    #[test]
    fn only_one_who_lacks_nothing_and_only_when_nobody_leads() {
        let id = |term, index| Some(LogId::new(CommittedLeaderId::new(term, 1), index));
        let lease = Duration::from_millis(300);
        let quiet = Ballot { silence: lease, lease, last: id(2, 5) };
        assert_eq!(quiet.judge(id(2, 5)), Asked::Yes);
        assert_eq!(quiet.judge(id(3, 1)), Asked::Yes);
        assert_eq!(quiet.judge(id(2, 4)), Asked::Behind);
        assert_eq!(quiet.judge(None), Asked::Behind);
        let led = Ballot { silence: lease - Duration::from_millis(1), ..quiet };
        assert_eq!(led.judge(id(3, 9)), Asked::Led);
    }
}
