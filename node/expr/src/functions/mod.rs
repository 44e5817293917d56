//! What an expression can call: operators, functions, macros. The tables are the one source of the names, of the
//! reference page and of its executed examples.

mod entry;
mod function;
mod lists;
mod macros;
mod numbers;
mod resolve;
mod table;
mod texts;
mod times;
mod values;

pub(crate) use entry::{Entry, Example, Style};
pub(crate) use function::{BitOperation, Function, Hash};
pub(crate) use macros::MACROS;
pub(crate) use resolve::{is_namespaced, resolve};
pub(crate) use table::LIBRARIES;
