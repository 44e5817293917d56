//! CEL over Arrow columns: the specification's cases, the error mask, and agreement with a reference evaluator.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod batches;
mod cases;
mod functions;
mod masks;
mod reference;
mod robustness;
mod schemas;
