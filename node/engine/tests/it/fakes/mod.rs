//! A source of numbers, a destination with a marker, transformations and a state store, all in memory.

mod destination;
mod divider;
mod flaky;
mod processors;
mod remembering;
mod run;
mod source;
mod state;

pub use destination::{Fault, Memory};
pub use divider::Remainders;
pub use flaky::Flaky;
pub use processors::{FailAt, FailMultiples, KeepMultiples};
pub use remembering::{Caller, OnlyNew, Repeat, Together};
pub use run::Bed;
pub use source::Numbers;
pub use state::MemoryState;
