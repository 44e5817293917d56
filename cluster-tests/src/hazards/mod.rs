//! Real processes against what happens to machines and to those who run them: disks that are lost, full or wrong, restarts,
//! upgrades, members that come and go, backups, and a majority that never comes back. Clients write all the time, and in the end
//! every acknowledged write is looked up on every node.

mod command;
mod flip;
mod ledger;
mod mount;
mod newer_leader;
mod outcome;
mod report;
mod scenarios;
mod site;
mod writers;

pub use command::{Args, run};
pub use mount::{Ballast, Mount};
