use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use etl_api::{LogFilter, LogLevels};
use tracing_subscriber::EnvFilter;

/// Libraries that tell in the log of a node what is of use to their authors alone; a filter can name them.
const QUIET: &str = "openraft=warn,raft_log=warn,chunked_wal=warn,sled=warn";

/// A filter as it is written, with what is quiet unless it says otherwise.
pub(super) fn filter_of(filter: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(format!("{QUIET},{filter}")).map_err(|error| error.to_string())
}

/// Where the filter that was asked for cannot be read.
pub(super) fn fallback() -> EnvFilter {
    EnvFilter::new("warn")
}

type Reload = dyn Fn(EnvFilter) -> Result<(), String> + Send + Sync;

/// Changes what is logged while the process runs. Clones are the same.
#[derive(Clone)]
pub(crate) struct LogControl(Arc<Shared>);

struct Shared {
    /// Where it began, and where a change for a while ends.
    own: String,
    reload: Box<Reload>,
    now: Mutex<Now>,
}

struct Now {
    filter: String,
    until: Option<SystemTime>,
    /// Counts changes: one for a while is taken back only if no other came.
    change: u64,
}

impl LogControl {
    /// `reload` puts a filter in force.
    pub fn new(own: &str, reload: impl Fn(EnvFilter) -> Result<(), String> + Send + Sync + 'static) -> Self {
        let now = Now { filter: own.to_owned(), until: None, change: 0 };
        Self(Arc::new(Shared { own: own.to_owned(), reload: Box::new(reload), now: Mutex::new(now) }))
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.0.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, filter: &str, until: Option<SystemTime>) -> Result<u64, String> {
        let read = filter_of(filter).map_err(|error| format!("`{filter}` is no filter of a log: {error}"))?;
        let mut now = self.now();
        (self.0.reload)(read)?;
        *now = Now { filter: filter.to_owned(), until, change: now.change + 1 };
        Ok(now.change)
    }

    fn take_back(&self, change: u64) {
        if self.now().change != change {
            return;
        }
        match self.change(&self.0.own, None) {
            Ok(_) => tracing::info!(filter = self.0.own, "the log is as it was before"),
            Err(error) => tracing::error!(error, "the log cannot be made as it was before"),
        }
    }
}

/// Milliseconds since 1970.
fn millis(at: SystemTime) -> u64 {
    u64::try_from(at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

impl LogLevels for LogControl {
    fn now(&self) -> LogFilter {
        let now = LogControl::now(self);
        LogFilter { filter: now.filter.clone(), until_ms: now.until.map(millis) }
    }

    fn set(&self, filter: Option<&str>, time: Option<Duration>) -> Result<LogFilter, String> {
        let until = time.and_then(|time| SystemTime::now().checked_add(time));
        let filter = filter.unwrap_or(&self.0.own).to_owned();
        let change = self.change(&filter, until)?;
        tracing::info!(filter, time = ?time, "what is logged was changed");
        if let Some(time) = time {
            let control = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep(time).await;
                control.take_back(change);
            });
        }
        Ok(LogLevels::now(self))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn control() -> (LogControl, Arc<Mutex<Vec<String>>>) {
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let reloaded = Arc::clone(&seen);
        let control = LogControl::new("info", move |filter| {
            reloaded.lock().unwrap().push(filter.to_string());
            Ok(())
        });
        (control, seen)
    }

    #[tokio::test]
    async fn a_change_for_a_while_is_taken_back_unless_another_came() {
        let (control, seen) = control();
        let changed = control.set(Some("etl_engine=debug"), Some(Duration::from_millis(1))).unwrap();
        assert!(changed.filter == "etl_engine=debug" && changed.until_ms.is_some());
        let own = LogFilter { filter: "info".to_owned(), until_ms: None };
        let taken_back = async {
            while LogLevels::now(&control) != own {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), taken_back).await.unwrap();
        let change = control.change("debug", None).unwrap();
        control.set(Some("trace"), None).unwrap();
        control.take_back(change);
        assert_eq!(LogLevels::now(&control).filter, "trace", "another came");
        assert_eq!(control.set(None, None).unwrap().filter, "info");
        assert_eq!(seen.lock().unwrap().len(), 5);
    }

    #[tokio::test]
    async fn what_is_no_filter_changes_nothing() {
        let (control, seen) = control();
        let refused = control.set(Some("a=b=c"), None).unwrap_err();
        assert!(refused.contains("`a=b=c` is no filter"), "{refused}");
        assert_eq!(LogLevels::now(&control).filter, "info");
        assert!(seen.lock().unwrap().is_empty());
    }
}
