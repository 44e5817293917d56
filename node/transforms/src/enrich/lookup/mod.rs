//! Fields out of the rows of a table.

mod keeper;
mod loading;
mod processor;
mod table;

pub(super) use processor::LookupEnrich;
