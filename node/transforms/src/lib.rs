//! The transformations.
//!
//! They compile their expressions once per schema and work column by column. A record that fails becomes a record error and
//! leaves the batch; the others go on.

mod cast;
mod cells;
mod column_text;
mod dedupe;
mod enrich;
mod explode;
mod expression;
mod field_path;
mod filter;
mod flatten;
mod json_document;
mod key;
mod limit;
mod mapping;
mod mask;
mod parse;
mod record_errors;
mod repartition;
mod route;
mod sample;
mod schema_cache;
mod script;
#[cfg(feature = "sql")]
mod sql;
mod text_place;
mod unfit;
mod validate;

pub use cast::Cast;
pub use dedupe::Dedupe;
pub use enrich::Enrich;
pub use explode::Explode;
pub use filter::Filter;
pub use flatten::Flatten;
pub use limit::Limit;
pub use mapping::Mapping;
pub use mask::{Detokenise, Mask};
pub use parse::Parse;
pub use repartition::Repartition;
pub use route::Route;
pub use sample::Sample;
pub use script::Script;
#[cfg(feature = "sql")]
pub use sql::Sql;
pub use validate::Validate;
