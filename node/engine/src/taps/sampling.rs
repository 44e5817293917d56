use std::num::{NonZeroU32, NonZeroU64};
use std::time::Instant;

use super::Allowance;

/// Which of the records that go by are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampling {
    /// One in so many on average, chosen by the ordinal: the same ones at every step and in every run.
    OneIn(NonZeroU64),
    /// So many a second, spread over what goes by.
    PerSecond(NonZeroU32),
}

/// A sampling under way.
#[derive(Debug)]
pub(super) enum Sampler {
    OneIn(NonZeroU64),
    PerSecond(Allowance),
}

impl Sampler {
    pub fn new(sampling: Sampling, now: Instant) -> Self {
        match sampling {
            Sampling::OneIn(n) => Self::OneIn(n),
            Sampling::PerSecond(rate) => Self::PerSecond(Allowance::new(rate, now)),
        }
    }

    /// The rows of a batch with these ordinals that are to be shown, in order, at most `limit` of them.
    pub fn choose(&mut self, ordinals: &[u64], limit: usize, now: Instant) -> Vec<u32> {
        let index = |row: usize| u32::try_from(row).ok();
        match self {
            Self::OneIn(n) => {
                let rows = ordinals
                    .iter()
                    .enumerate()
                    .filter(|(_, ordinal)| scattered(**ordinal).is_multiple_of(n.get()));
                rows.map_while(|(row, _)| index(row)).take(limit).collect()
            }
            Self::PerSecond(allowance) => {
                let granted = allowance.take(ordinals.len().min(limit), now);
                let row =
                    |number: usize| (number as u128 * ordinals.len() as u128 / granted as u128) as usize;
                (0..granted).map_while(|number| index(row(number))).collect()
            }
        }
    }
}

/// A number that has nothing to do with its neighbours, because ordinals may all be multiples of something: those of a file
/// are places in bytes. The finalizer of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators).
fn scattered(ordinal: u64) -> u64 {
    let mixed = ordinal.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn one_in_so_many_is_the_same_record_wherever_it_is_met() {
        let now = Instant::now();
        let mut sampler = Sampler::new(Sampling::OneIn(NonZeroU64::new(10).unwrap()), now);
        let shown = |sampler: &mut Sampler, ordinals: &[u64]| -> Vec<u64> {
            let rows = sampler.choose(ordinals, usize::MAX, now);
            rows.into_iter().map(|row| ordinals[row as usize]).collect()
        };
        for width in [1, 10, 1000] {
            let ordinals: Vec<u64> = (0..10_000).map(|row| row * width).collect();
            let all = shown(&mut sampler, &ordinals);
            assert!((900..1100).contains(&all.len()), "{} of records with {width} bytes", all.len());
            let half = all.len() / 2;
            assert_eq!(shown(&mut sampler, &all[half..]), all[half..], "whatever was filtered out before");
            assert_eq!(sampler.choose(&all, 1, now), [0]);
        }
        let mut every = Sampler::new(Sampling::OneIn(NonZeroU64::MIN), now);
        assert_eq!(shown(&mut every, &[8, 9, 7]), [8, 9, 7]);
        assert!(sampler.choose(&[], 10, now).is_empty());
    }

    #[test]
    fn a_rate_is_spread_over_the_batch() {
        let now = Instant::now();
        let mut sampler = Sampler::new(Sampling::PerSecond(NonZeroU32::new(4).unwrap()), now);
        let ordinals: Vec<u64> = (0..100).collect();
        assert_eq!(sampler.choose(&ordinals[..2], 10, now), [0, 1]);
        assert_eq!(sampler.choose(&ordinals, 1, now), [0]);
        assert_eq!(sampler.choose(&ordinals, 10, now), [0]);
        assert!(sampler.choose(&ordinals, 10, now).is_empty());
        let later = now + std::time::Duration::from_secs(1);
        assert_eq!(sampler.choose(&ordinals, 10, later), [0, 25, 50, 75]);
    }
}
