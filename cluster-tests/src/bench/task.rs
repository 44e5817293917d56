use std::ffi::OsString;
use std::path::Path;

use super::BenchError;
use super::comparison::Tool;
use super::process::Usage;

/// Something that every tool does in turn, each time from the same start, and that can be checked afterwards.
///
/// `scratch` is an empty directory of one run.
pub trait Task {
    /// What it is called in the table.
    fn title(&self) -> &'static str;

    /// Rows that are read.
    fn rows(&self) -> u64;

    /// Bytes that are read, where they are a file.
    fn bytes(&self) -> Result<Option<u64>, BenchError>;

    /// Makes what a run starts from; not measured.
    fn prepare(&self) -> Result<(), BenchError>;

    /// The workflow for actix-etl, as JSON, so that any path can stand in it.
    fn workflow(&self, scratch: &Path) -> String;

    /// What the limit is called in the table.
    fn limit_title(&self) -> &'static str;

    /// Measures the least that has to be done.
    fn limit(&self, scratch: &Path) -> Result<Usage, BenchError>;

    /// The arguments for another tool's script, if it knows this task.
    fn arguments(&self, tool: Tool, scratch: &Path) -> Option<Vec<OsString>>;

    /// Compares what a run has written with what must be there.
    fn verify(&self, scratch: &Path) -> Result<(), BenchError>;
}
