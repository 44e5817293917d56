//! From text to a tree of values that know their places.
//!
//! The parser's events become [`Node`]s directly, because the tree needs what a generic reader throws away: the
//! places of keys and values, the style of scalars, and duplicate keys.

mod build;
mod locate;
mod merge;
mod node;
mod scalar;
mod syntax;
mod typing;

pub(crate) use build::{MAX_TEXT_BYTES, parse};
pub(crate) use locate::locate;
pub(crate) use node::{Entry, Key, Map, Node, Value};
pub(crate) use scalar::{Part, Scalar, Typed};
pub(crate) use typing::{resolve, retype};
