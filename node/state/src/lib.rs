//! The state of one node in a directory: which runs there were, who owns what, how far each route has come.
//!
//! ```text
//! <state directory>/
//!   lock                       the process that uses it, by pid
//!   v1/                        sled: runs, epochs, checkpoints
//!   dead_letters/<workflow>/<run>/<source>/<partition>/<destination>/<unit>.jsonl
//! ```
//! Destination markers are the truth about delivered rows; this store may lag behind them and is never ahead.
//!
//! **Invariant:** the only user of sled outside consensus. Every write that returns has been synced: sled's own
//! `flush` does not reach the disk on Linux, so its file is synced after it.

mod dead_letter_files;
mod error;
mod letter_files;
mod local_state;
mod lock;
mod records;
mod run_handle;
mod store;

pub use dead_letter_files::DeadLetterFiles;
pub use error::StateError;
pub use letter_files::LetterFile;
pub use local_state::{BeginOptions, Begun, Interrupted, LocalState, RunSummary, WorkflowSummary};
pub use run_handle::RunHandle;
