//! The short forms of what this crate proves, as part of the workspace's tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod group;
mod oracle;
mod takeover;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// One proof at a time: each starts processes of its own that use all cores.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
