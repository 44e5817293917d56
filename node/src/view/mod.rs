//! What a person or a program sees: progress, summary, errors, quantities.

mod balance;
mod checkpoints;
mod cluster;
mod column;
mod confirm;
mod diff;
mod errors;
mod health;
mod json;
mod moment;
mod partition_rates;
mod partitions;
mod printable;
mod progress;
mod quantity;
mod run_log;
mod run_meter;
mod run_watch;
mod runs;
mod summary;
mod tap;
mod trace;

pub(crate) use checkpoints::write_checkpoints;
pub(crate) use cluster::write_cluster_status;
pub(crate) use column::column_type;
pub(crate) use confirm::confirmed;
pub(crate) use diff::write_diff;
pub(crate) use errors::{error_document, show_error, show_failure};
pub(crate) use health::write_health;
pub(crate) use json::{print_json, print_json_line};
pub(crate) use moment::moment;
pub(crate) use partition_rates::partition_rates;
pub(crate) use partitions::{RatedPartitions, write_partitions};
pub(crate) use printable::printable;
pub(crate) use progress::ProgressView;
pub(crate) use quantity::{bytes, count, plural, seconds};
pub(crate) use run_log::RunLogView;
pub(crate) use run_meter::RunMeter;
pub(crate) use run_watch::RunWatchView;
#[cfg(test)]
pub(crate) use runs::tests::view as sample_run;
pub(crate) use runs::{write_run, write_runs};
pub(crate) use summary::Summary;
pub(crate) use tap::TapView;
pub(crate) use trace::{last_traces, span_view, write_trace};
