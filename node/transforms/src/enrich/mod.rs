//! `enrich`: fields that a system outside knows.
//!
//! ```text
//! http    record -> request (`template`) -> answer, perhaps remembered (`http`) -> fields (`results`, `attach`)
//! lookup  record -> key -> row of a table that was read before (`lookup`) -> fields (`attach`)
//! ```

mod attach;
mod config;
mod connector;
mod http;
mod lookup;
mod template;

pub use connector::Enrich;
