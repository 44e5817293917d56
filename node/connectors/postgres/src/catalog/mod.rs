//! What the server's catalogue says of tables, columns and types.

mod table;
mod types;

pub(crate) use table::Table;
pub(crate) use types::{Declared, Resolved, resolve};
