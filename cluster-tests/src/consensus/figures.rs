use std::time::Duration;

/// Throughput and latency of so many clients.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Figure {
    pub clients: usize,
    pub per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

impl Figure {
    pub fn of(clients: usize, latencies: &mut [Duration], time: Duration) -> Self {
        let per_second = latencies.len() as f64 / time.as_secs_f64();
        let [p50_ms, p99_ms] = [0.50, 0.99].map(|rank| quantile_ms(latencies, rank));
        Self { clients, per_second, p50_ms, p99_ms }
    }
}

/// The time that so large a part of them does not exceed, in milliseconds; 0 of none.
pub fn quantile_ms(times: &mut [Duration], rank: f64) -> f64 {
    times.sort_unstable();
    let place = (times.len() as f64 * rank).ceil() as usize;
    times.get(place.saturating_sub(1)).map_or(0.0, |time| time.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_nearest_rank() {
        let mut times: Vec<_> = (1..=100).rev().map(Duration::from_millis).collect();
        assert_eq!(quantile_ms(&mut times, 0.50), 50.0);
        assert_eq!(quantile_ms(&mut times, 0.99), 99.0);
        assert_eq!(quantile_ms(&mut times, 1.0), 100.0);
        assert_eq!(quantile_ms(&mut times[..1], 0.5), 1.0);
        assert_eq!(quantile_ms(&mut [], 0.5), 0.0);
    }
}
