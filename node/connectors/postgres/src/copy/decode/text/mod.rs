//! Values as PostgreSQL's output functions write them.

mod array;
mod date_time;
pub(super) mod digits;
mod float;
mod interval;
mod network;
mod value;

pub(super) use date_time::write_timetz_full;
pub(super) use interval::write_interval;
pub(super) use network::{write_cidr, write_inet};
pub(super) use value::{show, write_bit, write_char, write_jsonb, write_numeric, write_uuid};

pub use value::value_to_text;
