use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

/// Logs to standard error: text on a terminal, JSON lines elsewhere. A second call changes nothing.
pub(crate) fn init(filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("warn"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    // Fails only when a subscriber is already there, as in tests that call commands twice.
    let _ = match stderr().is_terminal() {
        true => builder.with_target(false).try_init(),
        false => builder.json().flatten_event(true).try_init(),
    };
}
