//! A source of numbers, a destination with a marker, transformations and a state store, all in memory.

mod destination;
mod processors;
mod run;
mod source;
mod state;

pub use destination::{Fault, Memory};
pub use processors::{FailMultiples, KeepMultiples};
pub use run::Bed;
pub use source::Numbers;
pub use state::MemoryState;
