use std::num::NonZeroUsize;
use std::time::Duration;

use crate::link::{FRAME_BODY, FRAME_WEIGHT};

/// How long the other side has to end the stream of a channel that is over.
pub(crate) const PARTING: Duration = Duration::from_secs(5);

/// How channels use memory, time and threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelaySettings {
    /// Bytes that one side of a channel keeps of what the other has sent and it has not worked off, and of what it has sent and
    /// the other has not acknowledged. A record larger than a frame comes on top. At least the weight of one frame.
    pub window: usize,
    /// How long a channel without a stream is kept, by both sides.
    pub grace: Duration,
    /// Bytes of the largest call or answer: it must hold the largest record.
    pub max_body: usize,
    /// Threads of a host for the actors of its channels, and batches that it computes at the same time.
    pub threads: NonZeroUsize,
}

impl Default for RelaySettings {
    fn default() -> Self {
        Self {
            window: 4 << 20,
            grace: Duration::from_secs(10),
            max_body: 256 << 20,
            threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        }
    }
}

impl RelaySettings {
    /// The window, large enough for a full frame.
    pub(crate) fn window(&self) -> usize {
        self.window.max(FRAME_BODY + FRAME_WEIGHT)
    }
}
