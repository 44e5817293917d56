//! The store on a real disk: openraft's own suite, crashes, damage, and who may use a directory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod crash;
mod damage;
mod data_dir;
mod model;
mod reopen;
mod snapshots;
mod speed;
mod suite;
