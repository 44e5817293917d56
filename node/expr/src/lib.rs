//! CEL, the Common Expression Language, over Arrow columns.
//!
//! A text is parsed once ([`Expression::parse`]), typed and planned once per schema ([`Expression::compile`]) and
//! evaluated column by column ([`Compiled::evaluate`]). Rows without a value (overflow, division by zero, a bad
//! conversion, a missing field) are reported one by one and never fail the batch or turn into silent nulls.
//!
//! `docs/cel.md` lists the functions and every deviation from the CEL specification.
//!
//! **Invariant:** no text, schema or batch makes this crate panic, and the types of the parser stay inside it.

mod arrow_value;
mod binding;
mod calendar;
mod choose;
mod clock;
mod compile;
mod compiled;
mod convert;
mod encodings;
mod error;
mod eval;
mod expression;
mod failure;
mod failures;
mod functions;
mod guard;
mod hashes;
mod json;
mod kernels;
mod key;
mod kind;
mod library;
mod lists;
mod literal;
mod lower;
mod number;
mod numeric;
mod output;
mod overloop;
mod patterns;
mod plan;
mod record;
mod reference;
mod room;
mod scalar;
mod signature;
mod strings;
mod syntax;
mod template;
mod time;
mod truth;
mod value;
mod vector;
mod zone;

pub use clock::{fix_now, now};
pub use compiled::{Compiled, Evaluated};
pub use error::{ExprError, RowError};
pub use expression::Expression;
pub use record::record_json;
pub use reference::reference;
