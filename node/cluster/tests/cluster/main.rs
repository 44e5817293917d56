//! Whole nodes in one process: real stores, real TCP on 127.0.0.1, every duty running.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod away;
mod behind;
mod diverting;
#[allow(dead_code)]
#[path = "../../../engine/tests/it/fakes/divider.rs"]
mod divider;
mod failures;
mod growth;
mod hosting;
mod joining;
mod limits;
#[allow(dead_code)]
#[path = "../../../engine/tests/it/fakes/destination.rs"]
mod memory;
mod moving;
mod node;
#[allow(dead_code)]
#[path = "../../../engine/tests/it/fakes/source.rs"]
mod numbers;
#[allow(dead_code)]
#[path = "../../../engine/tests/it/fakes/processors.rs"]
mod processors;
mod removal;
mod repartitioning;
mod schedules;
#[allow(dead_code)]
#[path = "../../../engine/tests/it/fakes/state.rs"]
mod state;
mod strangers;
mod tcp;
mod watched;
mod working;
