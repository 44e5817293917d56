//! The transformations `mask` and `detokenise`: values that not everyone may read.
//!
//! ```text
//! rule -> column it leads to, through records, lists, maps and JSON (`column`, `document`) -> text (`method`)
//! ```
//!
//! **Invariant:** no message and no record of an error holds a value that a rule covers.

mod column;
mod config;
mod connector;
mod detect;
mod detokenise;
mod document;
mod method;
mod processor;
mod token;

pub use connector::Mask;
pub use detokenise::Detokenise;
