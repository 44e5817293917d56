//! Ordered tables that know which of their rows have changed.

mod cow_map;
mod kind;
mod pieces;
mod row_key;
mod rows;
mod typed;

pub(crate) use cow_map::CowMap;
pub(crate) use kind::RowKind;
pub(crate) use pieces::Assembler;
pub(crate) use rows::Rows;
pub(crate) use typed::{Record, Table};
