//! The transformations that look at one record at a time: `mapping`, `filter` and `repartition`.
//!
//! All compile their expressions once per schema and work column by column. A record that fails becomes a record
//! error and leaves the batch; the others go on.

mod expression;
mod filter;
mod mapping;
mod record_errors;
mod repartition;
mod schema_cache;

pub use filter::Filter;
pub use mapping::Mapping;
pub use repartition::Repartition;
