//! The log: what is written to standard error, and what is kept of runs.
//!
//! ```text
//! events ── level (changes while it runs) ── Repeats ── Record: fields of the event and of its spans ── redacted ── a line
//!       └── RunLogLayer: what is about runs, whatever is logged elsewhere
//! ```
//! **Invariant:** every value passes [`crate::secrets::redacted`] before it is written or kept.

mod control;
mod names;
mod output;
mod panics;
mod record;
mod repeats;
mod run_log_layer;

use std::io::{IsTerminal, stderr};
use std::sync::{Arc, OnceLock};

use etl_cluster::RunLogs;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, registry, reload};

use crate::arguments::LogFormat;
use control::filter_of;
use output::OutputLayer;
use run_log_layer::RunLogLayer;

pub(crate) use control::LogControl;
pub(crate) use names::{is_node, name_run};
pub(crate) use output::LogCounts;

/// Parts of this program whose events about runs are kept, whatever is logged elsewhere.
const OWN: [&str; 2] = ["etl_", "actix_etl"];

/// What has been logged by this process.
static COUNTS: OnceLock<Arc<LogCounts>> = OnceLock::new();

/// What has been logged by this process.
pub(crate) fn counts() -> Arc<LogCounts> {
    Arc::clone(COUNTS.get_or_init(Arc::default))
}

/// Logs to standard error; what concerns runs is kept beside, where that is asked for. Returns how the level is changed later.
/// A second call changes nothing.
pub(crate) fn init(filter: &str, format: LogFormat, runs: Option<RunLogs>) -> LogControl {
    let is_terminal = stderr().is_terminal();
    let is_text = match format {
        LogFormat::Auto => is_terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let (level, handle) = reload::Layer::new(filter_of(filter).unwrap_or_else(|_| control::fallback()));
    let output = OutputLayer::new(is_text, is_terminal, counts());
    let own = OWN.map(|target| (target, LevelFilter::DEBUG));
    let kept = runs.map(|runs| RunLogLayer(runs).with_filter(Targets::new().with_targets(own)));
    // Fails only when a subscriber is already there, as in tests that call commands twice.
    if registry().with(kept).with(output.with_filter(level)).try_init().is_ok() {
        panics::tell();
    }
    LogControl::new(filter, move |filter| handle.reload(filter).map_err(|error| error.to_string()))
}
