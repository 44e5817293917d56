//! What is told over HTTP: metrics, and whether this process lives, takes part, and is well.
//!
//! **Invariant:** nothing is changed here, and nothing secret is told.

mod address;
mod routes;

pub(crate) use address::loopback;
pub(crate) use routes::{Told, routes};
