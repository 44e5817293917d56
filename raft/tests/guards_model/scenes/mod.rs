//! Small stories in which each guard has something to do.

pub mod nodes;
pub mod owners;
pub mod runs;
pub mod workflows;
