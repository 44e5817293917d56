use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Error;

/// What the outside asks of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// To stop, by the signal with this number.
    Stop(u8),
    /// To take up new certificates now.
    Reload,
}

/// SIGINT, SIGTERM and SIGHUP; from now on they do not end the process by themselves.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    /// Begins to listen.
    pub fn listen() -> Result<Self, Error> {
        let on = |kind| signal(kind).map_err(Error::io("signals"));
        Ok(Self {
            interrupt: on(SignalKind::interrupt())?,
            terminate: on(SignalKind::terminate())?,
            hangup: on(SignalKind::hangup())?,
        })
    }

    /// The next one.
    pub async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.interrupt.recv() => Asked::Stop(2),
            _ = self.terminate.recv() => Asked::Stop(15),
            _ = self.hangup.recv() => Asked::Reload,
        }
    }

    /// The next that asks to stop; others are passed over.
    pub async fn stop(&mut self) -> u8 {
        loop {
            if let Asked::Stop(number) = self.next().await {
                return number;
            }
        }
    }
}
