//! The conformance suite passes an honest connector, and names the rule that a broken one breaks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "conformance/destination.rs"]
mod destination;
#[path = "conformance/source.rs"]
mod source;
