//! Values against JSON Schemas: every fault with its place, not only the first.
//!
//! Understands what schemars generates from structs and enums. Keywords it does not know are left to the
//! connector's own validation, which follows.

mod at;
mod checker;
mod describe;
mod json;
mod scalars;
mod suggest;
mod union;

pub(crate) use at::At;
pub(crate) use checker::check;
pub(crate) use describe::shorten;
pub(crate) use json::to_json;
pub use suggest::did_you_mean;
pub(crate) use suggest::{one_of, suggest};
