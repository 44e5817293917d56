use std::time::Duration;

use tokio::time::Instant;

use crate::chance::Chance;
use crate::consensus::Settings;

/// What this node has to do with elections at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Leader,
    /// It does not stand, but may be asked for a vote by one who knows that it has one.
    Learner,
    Voter,
    /// Nobody else has a vote.
    OnlyVoter,
}

/// Decides when to ask for votes. Time counts only while the timer is looked at: what passes between two looks counts for two
/// steps at most, so that a process that was stopped does not blame the leader.
#[derive(Debug)]
pub(super) struct Timer {
    step: Duration,
    range: (Duration, Duration),
    looked: Instant,
    counts: (u64, u64),
    silence: Duration,
    /// Ask when the silence has lasted so long.
    ask_at: Duration,
    /// Whether somebody has stood or asked since the leader was heard.
    asked: bool,
}

impl Timer {
    /// Wants to be looked at every `step`.
    pub fn new(settings: &Settings, step: Duration, now: Instant, chance: &Chance) -> Self {
        let range = (settings.election_min, settings.election_max);
        let ask_at = chance.between(range.0, range.1);
        Self { step, range, looked: now, counts: (0, 0), silence: Duration::ZERO, ask_at, asked: false }
    }

    /// Whether to ask for votes now. `counts` are those of the [`Pulse`](super::Pulse).
    pub fn look(&mut self, now: Instant, counts: (u64, u64), role: Role, chance: &Chance) -> bool {
        let passed = now.saturating_duration_since(self.looked).min(self.step * 2);
        let (heard, voted) = (counts.0 != self.counts.0, counts.1 != self.counts.1);
        (self.looked, self.counts) = (now, counts);
        if heard || role == Role::Leader {
            self.silence = Duration::ZERO;
            self.ask_at = chance.between(self.range.0, self.range.1);
            self.asked = false;
            return false;
        }
        self.silence += passed;
        if voted {
            self.give_time(chance);
        }
        match role {
            Role::Leader | Role::Learner => false,
            Role::Voter => self.silence >= self.ask_at,
            Role::OnlyVoter => !self.asked || self.silence >= self.ask_at,
        }
    }

    pub fn silence(&self) -> Duration {
        self.silence
    }

    /// There is a candidate, this node or another: half a timeout should be enough to win.
    pub fn give_time(&mut self, chance: &Chance) {
        self.ask_at = self.silence + chance.between(self.range.0 / 2, self.range.1 / 2);
        self.asked = true;
    }

    /// A quorum would not have voted for this node. It asks again soon, because the last timeout of the others may be about to
    /// run out.
    pub fn refused(&mut self, chance: &Chance) {
        self.ask_at = self.silence + chance.between(self.range.0 / 8, self.range.1 / 4);
        self.asked = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(25);

    struct Bench {
        timer: Timer,
        chance: Chance,
        now: Instant,
        counts: (u64, u64),
    }

    impl Bench {
        fn new() -> Self {
            let (chance, now) = (Chance::new(1), Instant::now());
            let timer = Timer::new(&Settings::default(), STEP, now, &chance);
            Self { timer, chance, now, counts: (0, 0) }
        }

        fn look(&mut self, passed: Duration, role: Role) -> bool {
            self.now += passed;
            self.timer.look(self.now, self.counts, role, &self.chance)
        }

        /// How long it listens from now on before it asks.
        fn patience(&mut self) -> Duration {
            let from = self.now;
            while !self.look(STEP, Role::Voter) {}
            self.now - from
        }
    }

    #[test]
    fn asks_after_a_timeout_of_silence_and_draws_a_new_one_each_time() {
        let mut bench = Bench::new();
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..50 {
            bench.counts.0 += 1;
            bench.look(STEP, Role::Voter);
            let patience = bench.patience();
            assert!((500..=1025).contains(&patience.as_millis()), "{patience:?}");
            seen.insert(patience);
        }
        assert!(seen.len() > 5, "{seen:?}");
    }

    #[test]
    fn a_heartbeat_in_time_keeps_it_quiet() {
        let mut bench = Bench::new();
        for _ in 0..1000 {
            bench.counts.0 += 1;
            for _ in 0..18 {
                assert!(!bench.look(STEP, Role::Voter));
            }
        }
    }

    #[test]
    fn a_pause_of_this_process_is_not_the_leaders_silence() {
        let mut bench = Bench::new();
        for _ in 0..7 {
            assert!(!bench.look(Duration::from_secs(60), Role::Voter));
        }
        assert!(bench.patience() >= Duration::from_millis(100));
    }

    #[test]
    fn who_has_no_vote_or_leads_never_asks_and_the_only_voter_asks_at_once() {
        let mut bench = Bench::new();
        for _ in 0..1000 {
            assert!(!bench.look(STEP, Role::Leader));
        }
        assert_eq!(bench.timer.silence(), Duration::ZERO);
        for _ in 0..1000 {
            assert!(!bench.look(STEP, Role::Learner));
        }
        assert_eq!(bench.timer.silence(), STEP * 1000);
        assert!(bench.look(STEP, Role::OnlyVoter));
        bench.timer.give_time(&bench.chance);
        assert!(!bench.look(STEP, Role::OnlyVoter));
    }

    #[test]
    fn a_candidate_gets_time_and_a_refusal_is_followed_up_soon() {
        let mut bench = Bench::new();
        bench.patience();
        bench.counts.1 += 1;
        let patience = bench.patience();
        assert!((250..=550).contains(&patience.as_millis()), "{patience:?}");
        bench.timer.refused(&bench.chance);
        let patience = bench.patience();
        assert!((50..=275).contains(&patience.as_millis()), "{patience:?}");
    }
}
