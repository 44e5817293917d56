use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

use crate::arguments::LogFormat;

/// Libraries that tell in the log of a node what is of use to their authors alone; a filter can name them.
const QUIET: &str = "openraft=warn,raft_log=warn,chunked_wal=warn,sled=warn";

/// Logs to standard error. A second call changes nothing.
pub(crate) fn init(filter: &str, format: LogFormat) {
    let filter = EnvFilter::try_new(format!("{QUIET},{filter}")).unwrap_or_else(|_| EnvFilter::new("warn"));
    let is_terminal = stderr().is_terminal();
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_ansi(is_terminal);
    let is_text = match format {
        LogFormat::Auto => is_terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    // Fails only when a subscriber is already there, as in tests that call commands twice.
    let _ = match is_text {
        true => builder.with_target(false).try_init(),
        false => builder.json().flatten_event(true).try_init(),
    };
}
