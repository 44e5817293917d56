use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use etl_raft_state::State;
use openraft::StoredMembership;
use tokio::sync::{Notify, oneshot};

use super::database::Changes;
use super::position::Position;
use super::unwritten::Unwritten;
use crate::Error;
use crate::type_config::{LogId, NodeId, Peer};

/// Told once how a job has ended.
pub(super) type Done = oneshot::Sender<Result<(), Error>>;

pub(super) enum Job {
    Write(Unwritten),
    Sync { done: Done },
    Replace { state: Box<State>, position: Box<Position> },
}

/// What is to be done to the database, in the order of the calls. Writes that follow each other become one, which is given
/// out when it has waited long enough or something else waits behind it.
#[derive(Default)]
pub(super) struct Jobs {
    waiting: Mutex<Waiting>,
    news: Condvar,
    room: Notify,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    /// Nothing more comes in.
    closed: bool,
}

/// The write at the end, and whether the worker cannot know of it.
struct Last<'a> {
    write: &'a mut Unwritten,
    is_new: bool,
    now: Instant,
}

impl Waiting {
    /// The write that takes in what comes; nothing when there is no room in it.
    fn last_write(&mut self) -> Result<Option<Last<'_>>, Closed> {
        if self.closed {
            return Err(Closed);
        }
        let now = Instant::now();
        let is_new = !matches!(self.jobs.back(), Some(Job::Write(_)));
        if is_new {
            self.jobs.push_back(Job::Write(Unwritten::new(now)));
        }
        match self.jobs.back_mut() {
            Some(Job::Write(write)) if !write.is_full() => Ok(Some(Last { write, is_new, now })),
            _ => Ok(None),
        }
    }
}

/// Nobody carries out jobs any more.
#[derive(Debug)]
pub(super) struct Closed;

impl Jobs {
    /// Adds what an application of entries has changed. Waits while there is too much of it.
    pub async fn write(
        &self,
        changes: Changes,
        applied: Option<LogId>,
        membership: Option<StoredMembership<NodeId, Peer>>,
    ) -> Result<(), Closed> {
        loop {
            let mut room = pin!(self.room.notified());
            room.as_mut().enable();
            if let Some(last) = self.lock().last_write()? {
                let is_due = last.write.may_wait(last.now).is_zero();
                last.write.add(changes, applied, membership);
                // The worker looks again by itself when a write that it knows of has waited long enough.
                if last.is_new || (!is_due && last.write.may_wait(last.now).is_zero()) {
                    self.news.notify_one();
                }
                return Ok(());
            }
            room.await;
        }
    }

    /// Adds a job behind all that is there.
    pub fn push(&self, job: Job) -> Result<(), Closed> {
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(Closed);
        }
        waiting.jobs.push_back(job);
        self.news.notify_one();
        Ok(())
    }

    /// Waits for the next job; `None` when there are no more and none will come.
    pub fn next(&self) -> Option<Job> {
        let mut waiting = self.lock();
        loop {
            let may_wait = match waiting.jobs.front() {
                None if waiting.closed => return None,
                None => None,
                Some(Job::Write(first)) if waiting.jobs.len() == 1 && !waiting.closed => {
                    Some(first.may_wait(Instant::now()))
                }
                Some(_) => Some(Duration::ZERO),
            };
            waiting = match may_wait {
                None => self.news.wait(waiting).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => {
                    self.room.notify_waiters();
                    return waiting.jobs.pop_front();
                }
                Some(rest) => {
                    let woken = self.news.wait_timeout(waiting, rest);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Lets nothing more in; what is there is still given out.
    pub fn close(&self) {
        self.lock().closed = true;
        self.news.notify_one();
        self.room.notify_waiters();
    }

    /// Lets nothing more in and throws away what is there, which tells those who wait for it.
    pub fn abandon(&self) {
        self.close();
        let abandoned = std::mem::take(&mut self.lock().jobs);
        drop(abandoned);
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    fn change(key: u8, bytes: usize) -> Changes {
        vec![(vec![key], Some(vec![key; bytes]))]
    }

    #[tokio::test]
    async fn writes_become_one_and_nothing_overtakes_them() {
        let jobs = Jobs::default();
        jobs.write(change(1, 1), None, None).await.unwrap();
        jobs.write(change(1, 2), None, None).await.unwrap();
        let (done, _answer) = oneshot::channel();
        jobs.push(Job::Sync { done }).unwrap();
        jobs.write(change(2, 3), None, None).await.unwrap();
        let Some(Job::Write(first)) = jobs.next() else { panic!("the write comes first") };
        assert_eq!(first.into_changes(), change(1, 2));
        assert!(matches!(jobs.next(), Some(Job::Sync { .. })));
        jobs.close();
        assert!(jobs.push(Job::Write(Unwritten::new(Instant::now()))).is_err());
        let Some(Job::Write(last)) = jobs.next() else { panic!("what is there is still given out") };
        assert_eq!(last.into_changes(), change(2, 3));
        assert!(jobs.next().is_none());
    }

    #[tokio::test]
    async fn a_write_waits_for_more_and_is_given_out_when_it_is_due() {
        let jobs = Arc::new(Jobs::default());
        let worker = thread::spawn({
            let jobs = jobs.clone();
            move || {
                let began = Instant::now();
                let Some(Job::Write(write)) = jobs.next() else { panic!("a write") };
                (began.elapsed(), write.into_changes())
            }
        });
        jobs.write(change(1, 1), None, None).await.unwrap();
        jobs.write(change(2, 1), None, None).await.unwrap();
        let (waited, changes) = worker.join().unwrap();
        assert!(waited >= Duration::from_millis(900), "{waited:?}");
        assert_eq!(changes.len(), 2);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_writes_waits_for_room_and_is_told_when_nobody_works() {
        let jobs = Arc::new(Jobs::default());
        let much = 9 << 20;
        jobs.write(change(1, much), None, None).await.unwrap();
        let waiting = |key| {
            let jobs = jobs.clone();
            tokio::spawn(async move { jobs.write(change(key, much), None, None).await })
        };
        let second = waiting(2);
        let Some(Job::Write(first)) = jobs.next() else { panic!("a write") };
        assert_eq!(first.into_changes(), change(1, much));
        second.await.unwrap().unwrap();
        let (third, (done, answer)) = (waiting(3), oneshot::channel());
        let _ = jobs.push(Job::Sync { done });
        jobs.abandon();
        assert!(answer.await.is_err());
        // Whether it came before the end or after it had to be told.
        let _ = third.await.unwrap();
        assert!(jobs.next().is_none());
    }
}
