use futures::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Lets many share the answer to one question. Whoever asks gets an answer of a round that began after he asked, so that the
/// answer is never older than the question; one round is under way at a time.
pub(super) struct Rounds<T> {
    asks: mpsc::UnboundedSender<oneshot::Sender<T>>,
}

impl<T: Clone + Send + 'static> Rounds<T> {
    /// Runs until it is cancelled or dropped.
    pub fn start(
        tasks: &TaskTracker,
        cancelled: CancellationToken,
        round: impl Fn() -> BoxFuture<'static, T> + Send + Sync + 'static,
    ) -> Self {
        let (asks, mut asked) = mpsc::unbounded_channel::<oneshot::Sender<T>>();
        tasks.spawn(cancelled.run_until_cancelled_owned(async move {
            let mut waiting = Vec::new();
            while asked.recv_many(&mut waiting, usize::MAX).await > 0 {
                let answer = round().await;
                for ask in waiting.drain(..) {
                    // Who has stopped waiting needs no answer.
                    let _ = ask.send(answer.clone());
                }
            }
        }));
        Self { asks }
    }

    /// `None` when it has been cancelled.
    pub async fn ask(&self) -> Option<T> {
        let (ask, answer) = oneshot::channel();
        self.asks.send(ask).ok()?;
        answer.await.ok()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn those_who_ask_during_a_round_share_the_next() {
        let (tasks, cancelled) = (TaskTracker::new(), CancellationToken::new());
        let (begun, may_end) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let rounds = Arc::new(Rounds::start(&tasks, cancelled.clone(), {
            let (begun, may_end) = (begun.clone(), may_end.clone());
            move || {
                let (begun, may_end) = (begun.clone(), may_end.clone());
                Box::pin(async move {
                    let number = begun.fetch_add(1, Ordering::SeqCst) + 1;
                    may_end.acquire().await.unwrap().forget();
                    number
                })
            }
        }));
        let first = tokio::spawn({
            let rounds = rounds.clone();
            async move { rounds.ask().await }
        });
        while begun.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        let asked = Arc::new(AtomicUsize::new(0));
        let later: Vec<_> = (0..10)
            .map(|_| {
                let (rounds, asked) = (rounds.clone(), asked.clone());
                tokio::spawn(async move {
                    // The question is put before the task first waits.
                    asked.fetch_add(1, Ordering::SeqCst);
                    rounds.ask().await
                })
            })
            .collect();
        while asked.load(Ordering::SeqCst) < 10 {
            tokio::task::yield_now().await;
        }
        may_end.add_permits(2);
        assert_eq!(first.await.unwrap(), Some(1));
        for answer in later {
            assert_eq!(answer.await.unwrap(), Some(2));
        }
        cancelled.cancel();
        tasks.close();
        tasks.wait().await;
        assert_eq!(rounds.ask().await, None);
    }
}
