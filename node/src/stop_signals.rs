use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use etl_engine::StopMode;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// The signal that asked the run to stop; 0 while none has.
#[derive(Debug, Clone, Default)]
pub(crate) struct StopSignal(Arc<AtomicU8>);

impl StopSignal {
    /// The signal's number.
    pub fn received(&self) -> Option<u8> {
        Some(self.0.load(Ordering::Relaxed)).filter(|&number| number > 0)
    }
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) -> u8 {
    tokio::select! {
        _ = interrupt.recv() => SignalKind::interrupt().as_raw_value() as u8,
        _ = terminate.recv() => SignalKind::terminate().as_raw_value() as u8,
    }
}

/// Listens for SIGINT and SIGTERM: the first drains the run, the second ends the process at once. Ending at once is
/// safe, since a process may be killed at any moment.
pub(crate) fn listen(stop: watch::Sender<StopMode>) -> std::io::Result<StopSignal> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let received = StopSignal::default();
    let shared = received.clone();
    actix_rt::spawn(async move {
        let first = next(&mut interrupt, &mut terminate).await;
        shared.0.store(first, Ordering::Relaxed);
        tracing::warn!(signal = first, "stopping: committing what has been read; once more to end at once");
        // The receiver is gone only when the run has already ended.
        let _ = stop.send(StopMode::Drain);
        let second = next(&mut interrupt, &mut terminate).await;
        std::process::exit(128 + i32::from(second));
    });
    Ok(received)
}

/// Tells when the process is asked by SIGHUP to look at its files again.
pub(crate) struct Reloads(Option<Signal>);

impl Reloads {
    /// Leaves the signal to end the process, as it does by itself, unless it is `wanted`. Needs a runtime.
    pub fn listen(wanted: bool) -> std::io::Result<Self> {
        Ok(Self(if wanted { Some(signal(SignalKind::hangup())?) } else { None }))
    }

    /// The next time. May be dropped.
    pub async fn next(&mut self) {
        let heard = match &mut self.0 {
            Some(hangup) => hangup.recv().await,
            None => None,
        };
        if heard.is_none() {
            std::future::pending().await
        }
    }
}
