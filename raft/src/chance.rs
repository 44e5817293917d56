use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Chance enough to keep nodes from doing the same thing at the same moment; the same seed gives the same sequence, so that a
/// simulation can be repeated. SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Debug)]
pub(crate) struct Chance(AtomicU64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// Between `low` and `high`, evenly.
    pub fn between(&self, low: Duration, high: Duration) -> Duration {
        let part = self.next() as f64 / u64::MAX as f64;
        low + high.saturating_sub(low).mul_f64(part)
    }

    fn next(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_between_and_uses_all_of_it() {
        let chance = Chance::new(7);
        let (low, high) = (Duration::from_millis(100), Duration::from_millis(200));
        let drawn: Vec<Duration> = (0..1000).map(|_| chance.between(low, high)).collect();
        assert!(drawn.iter().all(|d| (low..=high).contains(d)));
        assert!(drawn.iter().any(|d| *d < Duration::from_millis(105)));
        assert!(drawn.iter().any(|d| *d > Duration::from_millis(195)));
        assert_eq!(chance.between(high, low), high);
    }
}
