//! Losses of power: a disk that forgets what was not synced, and what a node that is started on it again still knows.

mod command;
mod disk;
mod filesystem;
mod inode;
mod names;
mod report;

pub use command::{Args, run};
