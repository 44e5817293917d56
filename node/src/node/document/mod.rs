//! From a YAML file of settings to a typed value: every fault at once, each with its place.
//!
//! The parser's events become a [`tree`], and serde reads the tree ([`read`]). A value that serde refuses is taken out and the
//! rest is read again, so that one fault does not hide the next.

mod deserializer;
mod fault;
mod read;
mod tree;

pub(super) use fault::{Fault, Place};
pub(super) use read::read;
