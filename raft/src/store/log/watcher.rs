use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::end_marker::EndMarker;
use super::flushed::Event;
use super::writer::Core;
use crate::Error;

/// How long the log has to rest before its end is marked.
const REST: Duration = Duration::from_millis(10);

/// How old the mark may become while the log does not rest.
const AGE: Duration = Duration::from_millis(500);

/// Starts the next sync when one is over and others wait, and marks the end of the log when nobody does. Runs until it is
/// told to stop, or until the log fails, which it tells those who wait. Those who come later learn it from the log.
pub(crate) fn watch(core: Arc<Core>, mut marker: EndMarker, events: Receiver<Event>) {
    if let Err(error) = run(&core, &mut marker, &events) {
        core.flow.fail(&std::io::Error::other(error.to_string()));
        core.abandon();
    }
}

fn run(core: &Core, marker: &mut EndMarker, events: &Receiver<Event>) -> Result<(), Error> {
    let mut marked = Instant::now();
    loop {
        let synced = core.flow.synced();
        let event = if marker.end() < synced {
            events.recv_timeout(REST)
        } else if core.flow.may_rest(marker.end()) {
            let event = events.recv().map_err(|_| RecvTimeoutError::Disconnected);
            marked = Instant::now();
            event
        } else {
            continue;
        };
        let rests = match event {
            Ok(Event::Synced) => {
                core.continue_syncing()?;
                false
            }
            Err(RecvTimeoutError::Timeout) => core.flow.synced() == synced,
            Ok(Event::Stop) | Err(RecvTimeoutError::Disconnected) => break,
        };
        if rests {
            core.hand_over()?;
        }
        if rests || marked.elapsed() >= AGE {
            marker.advance(core.flow.synced())?;
            marked = Instant::now();
        }
    }
    while core.sync_rest()? {
        // The sync under way reports itself, also when it fails.
        let _ = events.recv();
    }
    marker.advance(core.flow.synced())
}
