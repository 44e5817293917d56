//! The destination `file`: units are staged beside the target and become visible by one atomic step.
//!
//! Every route has a folder in staging with segment files, which hold rows, and a [`chain`] of manifests, which say
//! which rows count. A unit is committed by creating the next manifest; whoever finds that number taken has lost the
//! route. Rows that no manifest names do not exist.

mod assembly;
mod chain;
mod columns;
mod completion;
mod config;
mod connector;
mod disk;
mod encoder;
mod frame;
mod layout;
mod manifest;
mod route;
mod segment;
mod settings;
mod target;
mod write_back;
mod writer;

pub use connector::FileDestination;
