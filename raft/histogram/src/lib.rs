//! What `raft-log` measures its syncs with. The crate that it names for that makes tables for sixteen resolutions when the
//! first histogram is made, 24 MiB that stay, and uses one. This one takes its place (`[patch]` in the workspace) and has
//! what is used of it: values are counted in buckets, four to each power of two.

/// Buckets to each power of two.
const STEPS: u64 = 4;
const STEP_BITS: u32 = STEPS.trailing_zeros();
/// Enough for every `u64`.
const BUCKETS: usize = (64 - STEP_BITS as usize + 1) * STEPS as usize;

/// Counts values by their size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

/// How large the values are: so many of a hundred are at most about as large, to a quarter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PercentileStats {
    /// Values counted.
    pub samples: u64,
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0 }
    }
}

impl Histogram {
    /// Counts a value.
    pub fn record(&mut self, value: u64) {
        if let Some(count) = self.counts.get_mut(bucket(value)) {
            *count += 1;
            self.total += 1;
        }
    }

    /// The smallest value of the bucket up to whose end so many of a hundred values are; 0 without any.
    fn percentile(&self, percent: u64) -> u64 {
        let wanted = u128::from(self.total) * u128::from(percent);
        let mut seen = 0_u128;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += u128::from(*count) * 100;
            if *count > 0 && seen >= wanted {
                return smallest(bucket);
            }
        }
        0
    }

    pub fn percentile_stats(&self) -> PercentileStats {
        PercentileStats {
            samples: self.total,
            p50: self.percentile(50),
            p90: self.percentile(90),
            p99: self.percentile(99),
        }
    }
}

/// The first buckets hold one value each; then each power of two has as many.
fn bucket(value: u64) -> usize {
    let power = (u64::BITS - value.leading_zeros()).saturating_sub(STEP_BITS + 1);
    ((value >> power) + u64::from(power) * STEPS) as usize
}

fn smallest(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    match bucket / STEPS {
        0 | 1 => bucket,
        power => (bucket % STEPS + STEPS) << (power - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_the_bucket_that_begins_at_or_below_it() {
        let near = |power: u32| [1_u64 << power, (1 << power) - 1, (1 << power) + 1, 3 << power >> 1];
        let values = (0..100).chain((0..64).flat_map(near)).chain([u64::MAX]);
        for value in values {
            let found = bucket(value);
            assert!(found < BUCKETS, "{value}");
            assert!(smallest(found) <= value, "{value}");
            assert!(found + 1 == BUCKETS || smallest(found + 1) > value, "{value}");
        }
        assert!((1..BUCKETS).all(|at| smallest(at) > smallest(at - 1)));
    }

    #[test]
    fn percentiles_are_those_of_the_values() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile_stats().p99, 0);
        (1..=1000).for_each(|value| histogram.record(value));
        let PercentileStats { samples, p50, p90, p99 } = histogram.percentile_stats();
        assert_eq!((samples, p50, p90, p99), (1000, 448, 896, 896));
    }
}
