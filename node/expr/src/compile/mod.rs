//! Types and plans for a parsed expression against one schema.

mod calls;
mod compiler;
mod constant;
mod literals;
mod optional;
mod paths;

pub(crate) use compiler::compile;
use compiler::{Compiler, RECORD};
