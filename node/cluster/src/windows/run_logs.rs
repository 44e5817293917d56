use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use uuid::Uuid;

/// Runs of which events are kept.
const RUNS: usize = 64;
/// Events of a run that are kept.
const EVENTS: usize = 1000;
/// Bytes of a run's events that are kept.
const BYTES: usize = 256 << 10;
/// The longest text of an event, in bytes.
const TEXT_BYTES: usize = 4 << 10;

/// How grave an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// Something that was logged about a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEvent {
    /// Microseconds since 1970, by the clock of the node.
    pub at_us: u64,
    pub level: LogLevel,
    /// The part of the program that tells.
    pub target: String,
    pub message: String,
    /// What belongs to the message, by name.
    pub fields: Vec<(String, String)>,
}

/// An event with its place among those of its run on this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Numbered {
    /// From 1.
    pub number: u64,
    pub event: Arc<LogEvent>,
}

/// What this process has logged about runs: the last events of the last runs, in memory. Clones share everything.
#[derive(Debug, Clone, Default)]
pub struct RunLogs(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    kept: Mutex<Kept>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Kept {
    runs: HashMap<Uuid, Events>,
    /// Counts events of all runs.
    time: u64,
}

#[derive(Debug, Default)]
struct Events {
    events: VecDeque<Numbered>,
    last: u64,
    bytes: usize,
    /// When its last event came.
    touched: u64,
}

impl RunLogs {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps an event in place of the oldest of its run, when that has as many as are kept; those of the run that was silent for
    /// longest go, when there are too many runs. Long texts are cut.
    pub fn keep(&self, run: Uuid, mut event: LogEvent) {
        cut(&mut event.message);
        event.fields.iter_mut().for_each(|(_, value)| cut(value));
        let mut kept = self.kept();
        kept.time = kept.time.wrapping_add(1);
        let now = kept.time;
        if !kept.runs.contains_key(&run) && kept.runs.len() >= RUNS {
            let silent = kept.runs.iter().min_by_key(|(_, events)| events.touched).map(|(run, _)| *run);
            silent.and_then(|run| kept.runs.remove(&run));
        }
        let events = kept.runs.entry(run).or_default();
        events.touched = now;
        events.push(event);
        drop(kept);
        self.0.news.notify_waiters();
    }

    /// Up to `limit` events of a run after the one of this number that are at least so grave, in their order.
    pub(crate) fn after(&self, run: Uuid, number: u64, least: LogLevel, limit: usize) -> Vec<Numbered> {
        let kept = self.kept();
        let Some(events) = kept.runs.get(&run) else { return Vec::new() };
        let begin = events.events.partition_point(|event| event.number <= number);
        let grave = events.events.range(begin..).filter(|event| event.event.level >= least);
        grave.take(limit).cloned().collect()
    }

    /// Told of every event, of whatever run, that is kept after this was called.
    pub(crate) fn news(&self) -> tokio::sync::futures::Notified<'_> {
        self.0.news.notified()
    }
}

impl Events {
    fn push(&mut self, event: LogEvent) {
        self.last += 1;
        self.bytes += size(&event);
        self.events.push_back(Numbered { number: self.last, event: Arc::new(event) });
        while self.events.len() > EVENTS || self.bytes > BYTES {
            let Some(oldest) = self.events.pop_front() else { return };
            self.bytes = self.bytes.saturating_sub(size(&oldest.event));
        }
    }
}

fn size(event: &LogEvent) -> usize {
    let fields: usize = event.fields.iter().map(|(name, value)| name.len() + value.len()).sum();
    event.target.len() + event.message.len() + fields
}

fn cut(text: &mut String) {
    if text.len() > TEXT_BYTES {
        text.truncate(text.floor_char_boundary(TEXT_BYTES));
        text.push('…');
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn event(message: &str, level: LogLevel) -> LogEvent {
        let (at_us, target, fields) = (1, "etl_engine".to_owned(), Vec::new());
        LogEvent { at_us, level, target, message: message.to_owned(), fields }
    }

    fn messages(logs: &RunLogs, run: Uuid, after: u64, least: LogLevel) -> Vec<String> {
        let events = logs.after(run, after, least, usize::MAX);
        events.into_iter().map(|event| event.event.message.clone()).collect()
    }

    #[test]
    fn the_last_events_of_a_run_are_kept() {
        let (logs, run) = (RunLogs::default(), Uuid::from_u128(1));
        for number in 0..EVENTS + 10 {
            logs.keep(run, event(&number.to_string(), LogLevel::Info));
        }
        let all = messages(&logs, run, 0, LogLevel::Trace);
        assert_eq!((all.len(), all[0].as_str()), (EVENTS, "10"));
        assert_eq!(logs.after(run, 0, LogLevel::Trace, 3).len(), 3);
        let last = logs.after(run, 0, LogLevel::Trace, usize::MAX).last().unwrap().number;
        logs.keep(run, event("one more", LogLevel::Warn));
        assert_eq!(messages(&logs, run, last, LogLevel::Trace), ["one more"]);
        assert_eq!(messages(&logs, run, 0, LogLevel::Warn), ["one more"]);
        assert!(messages(&logs, Uuid::from_u128(2), 0, LogLevel::Trace).is_empty());
    }

    #[test]
    fn neither_long_texts_nor_many_runs_fill_the_memory() {
        let (logs, run) = (RunLogs::default(), Uuid::from_u128(1));
        logs.keep(run, event(&"ä".repeat(100_000), LogLevel::Info));
        let kept = messages(&logs, run, 0, LogLevel::Trace);
        assert!(kept[0].len() < TEXT_BYTES + 10 && kept[0].ends_with("ä…"));
        for _ in 0..EVENTS {
            logs.keep(run, event(&"x".repeat(TEXT_BYTES), LogLevel::Info));
        }
        let kept = messages(&logs, run, 0, LogLevel::Trace);
        assert!(kept.iter().map(String::len).sum::<usize>() <= BYTES && kept.len() > 10);
        for other in 2..2 + RUNS as u128 {
            logs.keep(Uuid::from_u128(other), event("x", LogLevel::Info));
        }
        assert!(messages(&logs, run, 0, LogLevel::Trace).is_empty(), "it was silent for longest");
        assert_eq!(messages(&logs, Uuid::from_u128(2), 0, LogLevel::Trace).len(), 1);
    }
}
