//! The types of PostgreSQL as far as the binary form of COPY and Arrow are concerned.

mod column;
mod fault;
mod pg_type;

pub use column::{Column, TYPE_METADATA};
pub use fault::CellFault;
pub use pg_type::{Kind, PgType};
