//! Why a node refuses a call, and how that travels.

mod details;
mod kind;
mod raft;
mod refused;

pub use kind::Kind;
pub use refused::{Detail, Refusal};
