//! `test`: what a workflow makes of given records, compared with what its tests expect. No source or destination is opened.

mod arrivals;
mod case;
mod chaos;
mod command;
mod comparison;
mod faults;
mod fields;
mod files;
mod read;
mod records;
mod server;
mod tree;
mod trial;

pub(super) use command::test;
pub(super) use files::is_test_file;
