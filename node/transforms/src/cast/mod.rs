//! The `cast` transformation: other types for fields, without losing anything silently.

mod config;
mod connector;
mod convert;
mod moment;
mod number;
mod processor;
mod quick;
mod target;
mod values;

pub(crate) use config::{FieldType, RawFieldType};
pub use connector::Cast;
pub(crate) use convert::Failure;
pub(crate) use processor::cast_cells;
pub(crate) use target::Target;
