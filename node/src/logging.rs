use std::io::{IsTerminal, stderr};

use etl_cluster::RunLogs;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt, registry};

use crate::arguments::LogFormat;
use crate::run_log_layer::RunLogLayer;

/// Libraries that tell in the log of a node what is of use to their authors alone; a filter can name them.
const QUIET: &str = "openraft=warn,raft_log=warn,chunked_wal=warn,sled=warn";

/// Parts of this program whose events about runs are kept, whatever is logged elsewhere.
const OWN: [&str; 2] = ["etl_", "actix_etl"];

/// Logs to standard error; what concerns runs is kept beside, where that is asked for. A second call changes nothing.
pub(crate) fn init(filter: &str, format: LogFormat, runs: Option<RunLogs>) {
    let filter = EnvFilter::try_new(format!("{QUIET},{filter}")).unwrap_or_else(|_| EnvFilter::new("warn"));
    let is_terminal = stderr().is_terminal();
    let output = fmt::layer().with_writer(stderr).with_ansi(is_terminal);
    let is_text = match format {
        LogFormat::Auto => is_terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let output = match is_text {
        true => output.with_target(false).boxed(),
        false => output.json().flatten_event(true).boxed(),
    };
    let own = OWN.map(|target| (target, LevelFilter::DEBUG));
    let kept = runs.map(|runs| RunLogLayer(runs).with_filter(Targets::new().with_targets(own)));
    // Fails only when a subscriber is already there, as in tests that call commands twice.
    let _ = registry().with(kept).with(output.with_filter(filter)).try_init();
}
