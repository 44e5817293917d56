//! What a person or a program sees: progress, summary, errors, quantities.

mod cluster;
mod confirm;
mod diff;
mod errors;
mod json;
mod moment;
mod partitions;
mod printable;
mod progress;
mod quantity;
mod run_meter;
mod run_watch;
mod runs;
mod summary;

pub(crate) use cluster::write_cluster_status;
pub(crate) use confirm::confirmed;
pub(crate) use diff::write_diff;
pub(crate) use errors::{error_document, show_error, show_failure};
pub(crate) use json::{print_json, print_json_line};
pub(crate) use moment::moment;
pub(crate) use partitions::write_partitions;
use printable::printable;
pub(crate) use progress::ProgressView;
pub(crate) use quantity::{bytes, count, plural, seconds};
pub(crate) use run_meter::RunMeter;
pub(crate) use run_watch::RunWatchView;
pub(crate) use runs::{write_run, write_runs};
pub(crate) use summary::Summary;
