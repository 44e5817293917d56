//! The transformations that look at one record at a time: `mapping` and `filter`.
//!
//! Both compile their expressions once per schema and work column by column. A record that fails becomes a record
//! error and leaves the batch; the others go on.

mod expression;
mod filter;
mod mapping;
mod record_errors;
mod schema_cache;

pub use filter::Filter;
pub use mapping::Mapping;
