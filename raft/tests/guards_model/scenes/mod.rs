//! Small stories in which each guard has something to do.

pub mod coordination;
pub mod halting;
pub mod nodes;
pub mod owners;
pub mod runs;
pub mod workflows;
