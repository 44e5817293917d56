use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Over how long a rate is taken, when it is known for so long.
const WINDOW: Duration = Duration::from_secs(5);

/// How fast a run reads, from what it has read at two moments.
#[derive(Debug, Default)]
pub(crate) struct RunMeter {
    /// Moment, records, bytes; the oldest first, of which one may be older than the window.
    samples: VecDeque<(Instant, u64, u64)>,
}

impl RunMeter {
    /// Takes in what has been read by now.
    pub fn sample(&mut self, now: Instant, records: u64, bytes: u64) {
        self.samples.push_back((now, records, bytes));
        self.forget(now);
    }

    /// Records and bytes a second; `None` before there are two moments.
    pub fn rate(&mut self, now: Instant) -> Option<(u64, u64)> {
        self.forget(now);
        let &(since, first_records, first_bytes) = self.samples.front()?;
        let &(_, records, bytes) = self.samples.back()?;
        let seconds = now.saturating_duration_since(since).as_secs_f64();
        if seconds <= 0.0 {
            return None;
        }
        // A count that went back would be another run's; nothing was read then.
        let rate = |from: u64, to: u64| (to.saturating_sub(from) as f64 / seconds) as u64;
        Some((rate(first_records, records), rate(first_bytes, bytes)))
    }

    fn forget(&mut self, now: Instant) {
        let is_old = |sample: Option<&(Instant, u64, u64)>| {
            sample.is_some_and(|(at, _, _)| now.saturating_duration_since(*at) >= WINDOW)
        };
        while is_old(self.samples.get(1)) {
            self.samples.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_what_came_in_the_last_seconds() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut meter = RunMeter::default();
        assert_eq!(meter.rate(at(0)), None);
        meter.sample(at(0), 1000, 10);
        assert_eq!(meter.rate(at(0)), None, "one moment is no rate");
        assert_eq!(meter.rate(at(500)), Some((0, 0)));
        meter.sample(at(1000), 3000, 30);
        assert_eq!(meter.rate(at(1000)), Some((2000, 20)));
        assert_eq!(meter.rate(at(2000)), Some((1000, 10)), "while nothing comes it sinks");
        for second in 2..=20 {
            meter.sample(at(second * 1000), 3000 + second * 100, 30);
        }
        assert_eq!(meter.rate(at(20_000)), Some((100, 0)));
        assert!(meter.samples.len() <= 7, "{}", meter.samples.len());
        assert_eq!(meter.rate(at(60_000)), Some((0, 0)), "what is long ago does not count");
        meter.sample(at(61_000), 5, 5);
        assert_eq!(meter.rate(at(61_000)), Some((0, 0)), "nothing is read backwards");
    }
}
