//! Keys: what is equal has the same bytes, whatever its column's type.
//!
//! ```text
//! row -> values of the fields -> canonical bytes (`canonical`)
//! ```

mod canonical;
mod column;
mod keys;
mod value;

pub(crate) use keys::{Key, check_paths};
