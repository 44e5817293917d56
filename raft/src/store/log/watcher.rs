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
        let event = if marker.end() < core.flow.synced() {
            events.recv_timeout(REST)
        } else {
            let event = events.recv().map_err(|_| RecvTimeoutError::Disconnected);
            marked = Instant::now();
            event
        };
        match event {
            Ok(Event::Synced) => {
                core.continue_syncing()?;
                if marked.elapsed() < AGE {
                    continue;
                }
            }
            Err(RecvTimeoutError::Timeout) => core.hand_over()?,
            Ok(Event::Stop) | Err(RecvTimeoutError::Disconnected) => break,
        }
        marker.advance(core.flow.synced())?;
        marked = Instant::now();
    }
    while core.sync_rest()? {
        // The sync under way reports itself, also when it fails.
        let _ = events.recv();
    }
    marker.advance(core.flow.synced())
}
