use crate::ConnectorError;

/// Every named crash point, in the order of the crash table of delivery class A.
///
/// Set with the environment variable `FAILPOINTS` in a binary built with the feature `failpoints`, for example
/// `FAILPOINTS='commit_done=2*off->return(kill)'`: the third time, the process kills itself.
/// Arguments of `return`: `kill` (SIGKILL to itself), `stop` (SIGSTOP to itself: a paused owner), `error` (a retryable
/// error), `panic`.
pub const FAILPOINTS: &[&str] = &[
    "claimed",
    "fenced",
    "chunk_read",
    "chunk_processed",
    "rows_written",
    "unit_staged",
    "dead_letters_written",
    "commit_started",
    "commit_done",
    "checkpoint_stored",
    "source_acknowledged",
    "all_routes_done",
    "completion_started",
    "completed",
];

/// Passes through a named crash point; does nothing unless the binary was built with the feature `failpoints`.
///
/// # Panics
/// When the fault asked for is a panic.
#[allow(clippy::panic)] // a requested panic is the fault under test
pub fn failpoint(name: &'static str) -> Result<(), ConnectorError> {
    debug_assert!(FAILPOINTS.contains(&name), "unknown failpoint {name}");
    fail::fail_point!(name, |action| match action.as_deref() {
        Some("error") => {
            Err(ConnectorError::transient("failpoint", format!("injected error at {name}")))
        }
        Some("panic") => panic!("injected panic at {name}"),
        Some("stop") => {
            signal_self(rustix::process::Signal::STOP);
            Ok(())
        }
        _ => {
            // SIGKILL and not `abort`: no handler, no flush, as if the machine had taken the process away.
            signal_self(rustix::process::Signal::KILL);
            std::process::abort();
        }
    });
    Ok(())
}

#[cfg(feature = "failpoints")]
fn signal_self(signal: rustix::process::Signal) {
    // Nothing can be done where it fails; a fault that did not strike is seen by whoever asked for it.
    let _ = rustix::process::kill_process(rustix::process::getpid(), signal);
}

/// Whether a named guard is switched off, for control runs that prove the oracle sees the damage it prevents.
/// Always false unless the binary was built with the feature `failpoints` and `FAILPOINTS` says `NAME=return`.
pub fn guard_removed(name: &'static str) -> bool {
    fail::fail_point!(name, |_| true);
    let _ = name;
    false
}
