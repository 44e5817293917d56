//! What the engine needs from whoever keeps state (a local store in one process, consensus in a cluster), and whom it tells
//! what it does.

mod dead_letters;
mod error;
mod observer;
mod run_state;

pub use dead_letters::{DeadLetter, DeadLetters, column_types};
pub use error::PortError;
pub use observer::{ChainSight, Committed, NoObserver, Observer, Operation, Wait, Work};
pub use run_state::{PartitionNumbers, RunState};
