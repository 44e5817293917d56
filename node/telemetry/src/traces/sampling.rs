use std::sync::atomic::{AtomicU64, Ordering};

/// Chooses a share of what it is asked about, evenly enough and without a lock.
#[derive(Debug)]
pub(super) struct Sampling {
    /// Numbers below are chosen; none when it is 0, all when it is the largest.
    below: u64,
    asked: AtomicU64,
}

/// The step of Weyl's sequence in SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

impl Sampling {
    /// `share` is from 0 to 1; what is not a number chooses nothing.
    pub fn new(share: f64) -> Self {
        let below = match share {
            share if share >= 1.0 => u64::MAX,
            share if share > 0.0 => (share * u64::MAX as f64) as u64,
            _ => 0,
        };
        Self { below, asked: AtomicU64::new(uuid::Uuid::new_v4().as_u64_pair().0) }
    }

    /// Whether anything can be chosen.
    pub fn is_on(&self) -> bool {
        self.below > 0
    }

    /// Whether this one is.
    pub fn chooses(&self) -> bool {
        match self.below {
            0 => false,
            u64::MAX => true,
            below => mixed(self.asked.fetch_add(STEP, Ordering::Relaxed)) < below,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_the_share_is_chosen() {
        let chosen = |share: f64| {
            let sampling = Sampling::new(share);
            (0..100_000).filter(|_| sampling.chooses()).count()
        };
        assert_eq!((chosen(0.0), chosen(-1.0), chosen(f64::NAN)), (0, 0, 0));
        assert_eq!((chosen(1.0), chosen(7.0)), (100_000, 100_000));
        let few = chosen(0.01);
        assert!((800..1200).contains(&few), "{few}");
        assert!(!Sampling::new(0.0).is_on() && Sampling::new(0.000_001).is_on());
    }
}
