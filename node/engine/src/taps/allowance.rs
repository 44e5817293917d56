use std::num::NonZeroU32;
use std::time::Instant;

/// So many a second and no more, on average; what was not used within a second is lost.
#[derive(Debug, Clone)]
pub struct Allowance {
    per_second: f64,
    left: f64,
    since: Instant,
}

impl Allowance {
    /// The first second's share is there at once.
    pub fn new(per_second: NonZeroU32, now: Instant) -> Self {
        let per_second = f64::from(per_second.get());
        Self { per_second, left: per_second, since: now }
    }

    /// Of `wanted` as many as there may be now.
    pub fn take(&mut self, wanted: usize, now: Instant) -> usize {
        let earned = now.saturating_duration_since(self.since).as_secs_f64() * self.per_second;
        self.left = (self.left + earned).min(self.per_second);
        self.since = self.since.max(now);
        // Not negative and never above `per_second`, which fits.
        let granted = (self.left.floor() as usize).min(wanted);
        self.left -= granted as f64;
        granted
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn nobody_gets_more_than_the_rate_over_any_time() {
        let start = Instant::now();
        let mut allowance = Allowance::new(NonZeroU32::new(100).unwrap(), start);
        assert_eq!(allowance.take(1000, start), 100, "the first second's share is there at once");
        assert_eq!(allowance.take(1000, start), 0);
        assert_eq!(allowance.take(1000, start + Duration::from_millis(105)), 10);
        assert_eq!(allowance.take(3, start + Duration::from_millis(205)), 3, "no more than is wanted");
        assert_eq!(allowance.take(1000, start + Duration::from_secs(60)), 100, "nothing is saved up");
        assert_eq!(allowance.take(1000, start), 0, "a clock that goes back gives nothing");
    }
}
