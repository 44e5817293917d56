use std::collections::VecDeque;
use std::io;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::type_config::LogId;

/// How far a leader's own entries are on its disk.
#[derive(Debug, Default)]
pub(crate) struct Durability {
    appends: Mutex<Appends>,
    news: Notify,
    /// Something that was held back may be told now.
    released: Notify,
}

#[derive(Debug, Default)]
struct Appends {
    /// In the order of the log.
    pending: VecDeque<Pending>,
    next: u64,
    failure: Option<(io::ErrorKind, String)>,
    /// Whether somebody was told less than what is committed.
    has_held_back: bool,
}

/// Entries that were reported and are not on disk.
#[derive(Debug)]
struct Pending {
    number: u64,
    /// The entry before them, which is on disk when this is the first.
    before: Option<LogId>,
}

/// Stands for the entries of one append.
#[derive(Debug, Clone, Copy)]
pub(super) struct Append(u64);

impl Durability {
    /// Entries behind `before` are appended.
    pub(super) fn begin(&self, before: Option<LogId>) -> Append {
        let mut appends = self.lock();
        let number = appends.next;
        appends.next += 1;
        appends.pending.push_back(Pending { number, before });
        Append(number)
    }

    /// They are on disk, and so is all that was appended before; or nothing will be any more.
    pub(super) fn end(&self, append: Append, result: Result<(), io::Error>) {
        let mut appends = self.lock();
        match result {
            Ok(()) => appends.pending.retain(|pending| pending.number > append.0),
            Err(error) => {
                appends.failure.get_or_insert_with(|| (error.kind(), error.to_string()));
            }
        }
        let released = std::mem::take(&mut appends.has_held_back);
        drop(appends);
        self.news.notify_waiters();
        if released {
            self.released.notify_one();
        }
    }

    /// What of `committed` may be told to others.
    pub(crate) fn limit(&self, committed: Option<LogId>) -> Option<LogId> {
        let mut appends = self.lock();
        match appends.pending.front() {
            Some(first) if first.before < committed => {
                let before = first.before;
                appends.has_held_back = true;
                before
            }
            _ => committed,
        }
    }

    /// Returns when the entry at `index` is on disk.
    ///
    /// # Errors
    /// The error of the disk; it never will be.
    pub(super) async fn reached(&self, index: u64) -> Result<(), io::Error> {
        loop {
            let mut news = pin!(self.news.notified());
            news.as_mut().enable();
            {
                let appends = self.lock();
                let on_disk = |first: &Pending| first.before.is_some_and(|before| before.index >= index);
                if appends.pending.front().is_none_or(on_disk) {
                    return Ok(());
                }
                if let Some((kind, problem)) = &appends.failure {
                    return Err(io::Error::new(*kind, problem.clone()));
                }
            }
            news.await;
        }
    }

    /// Returns when something that was held back may be told.
    pub(in crate::consensus) async fn released(&self) {
        self.released.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Appends> {
        self.appends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use futures::FutureExt;
    use openraft::CommittedLeaderId;

    use super::*;

    fn entry(index: u64) -> Option<LogId> {
        Some(LogId::new(CommittedLeaderId::new(1, 1), index))
    }

    #[tokio::test]
    async fn what_is_not_on_disk_is_neither_applied_nor_told() {
        let durability = Durability::default();
        assert_eq!(durability.limit(entry(7)), entry(7));
        let first = durability.begin(entry(7));
        let second = durability.begin(entry(8));
        assert_eq!(durability.limit(entry(6)), entry(6));
        assert_eq!(durability.limit(entry(7)), entry(7));
        assert!(durability.released().now_or_never().is_none(), "nothing was held back");
        assert_eq!(durability.limit(entry(9)), entry(7));
        durability.reached(7).await.unwrap();
        let mut eighth = pin!(durability.reached(8));
        let mut ninth = pin!(durability.reached(9));
        assert!(eighth.as_mut().now_or_never().is_none() && ninth.as_mut().now_or_never().is_none());

        durability.end(first, Ok(()));
        eighth.await.unwrap();
        assert!(ninth.as_mut().now_or_never().is_none());
        durability.released().await;
        assert_eq!(durability.limit(entry(9)), entry(8));

        durability.end(second, Ok(()));
        ninth.await.unwrap();
        durability.released().await;
        assert_eq!(durability.limit(entry(9)), entry(9));
    }

    #[tokio::test]
    async fn a_sync_is_one_of_all_that_came_before() {
        let durability = Durability::default();
        let _first = durability.begin(None);
        let second = durability.begin(entry(1));
        assert_eq!(durability.limit(entry(1)), None);
        durability.end(second, Ok(()));
        durability.reached(2).await.unwrap();
        assert_eq!(durability.limit(entry(2)), entry(2));
    }

    #[tokio::test]
    async fn after_a_failure_nothing_gets_there_any_more() {
        let durability = Durability::default();
        let first = durability.begin(entry(1));
        let mut second = pin!(durability.reached(2));
        assert!(second.as_mut().now_or_never().is_none());
        durability.end(first, Err(io::Error::other("the disk is gone")));
        assert_eq!(second.await.unwrap_err().to_string(), "the disk is gone");
        assert_eq!(durability.limit(entry(2)), entry(1));
        durability.reached(1).await.unwrap();
    }
}
