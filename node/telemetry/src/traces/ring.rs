use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use etl_model::TraceSpan;
use uuid::Uuid;

use super::KeptSpan;

/// Runs of which spans are kept.
const RUNS: usize = 16;
/// Spans of a run that are kept.
const SPANS: usize = 1000;

/// The last spans of the last runs, in memory.
#[derive(Debug, Default)]
pub(super) struct Ring(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    runs: HashMap<Uuid, OfRun>,
    /// Counts spans of all runs.
    time: u64,
}

#[derive(Debug, Default)]
struct OfRun {
    spans: VecDeque<TraceSpan>,
    /// When its last span came.
    touched: u64,
}

impl Ring {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a span in place of the oldest of its run, when that has as many as are kept; those of the run that was silent for
    /// longest go, when there are too many runs.
    pub fn keep(&self, run: Uuid, span: &TraceSpan) {
        let mut kept = self.kept();
        kept.time += 1;
        let now = kept.time;
        if !kept.runs.contains_key(&run) && kept.runs.len() >= RUNS {
            let silent = kept.runs.iter().min_by_key(|(_, of)| of.touched).map(|(run, _)| *run);
            silent.and_then(|run| kept.runs.remove(&run));
        }
        let of = kept.runs.entry(run).or_default();
        of.touched = now;
        if of.spans.len() >= SPANS {
            of.spans.pop_front();
        }
        of.spans.push_back(span.clone());
    }

    /// By their beginning.
    pub fn of_run(&self, run: Uuid) -> Vec<KeptSpan> {
        let spans: Vec<TraceSpan> =
            self.kept().runs.get(&run).map(|of| of.spans.iter().cloned().collect()).unwrap_or_default();
        let mut spans: Vec<KeptSpan> = spans.iter().map(KeptSpan::from).collect();
        spans.sort_by_key(|span| (span.start_us, span.end_us));
        spans
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use etl_model::TraceContext;

    use super::*;

    #[test]
    fn neither_many_spans_nor_many_runs_fill_the_memory() {
        let (ring, first) = (Ring::default(), Uuid::from_u128(1));
        let span = |name: String| TraceSpan::of(TraceContext::new(true), name, SystemTime::UNIX_EPOCH);
        for number in 0..SPANS + 3 {
            ring.keep(first, &span(number.to_string()));
        }
        let names: Vec<String> = ring.of_run(first).into_iter().map(|span| span.name).collect();
        assert_eq!(
            (names.len(), names.contains(&"2".to_owned()), names.contains(&"3".to_owned())),
            (SPANS, false, true)
        );
        for run in 2..2 + RUNS as u128 {
            ring.keep(Uuid::from_u128(run), &span("one".to_owned()));
        }
        assert!(ring.of_run(first).is_empty() && ring.of_run(Uuid::from_u128(2)).len() == 1);
    }
}
