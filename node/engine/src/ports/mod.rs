//! What the engine needs from whoever keeps state: a local store in one process, consensus in a cluster.

mod dead_letters;
mod error;
mod run_state;

pub use dead_letters::{DeadLetter, DeadLetters};
pub use error::PortError;
pub use run_state::{PartitionNumbers, RunState};
