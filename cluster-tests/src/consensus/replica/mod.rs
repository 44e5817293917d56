//! What agreement costs without what `actix-etl` does beside it: a process that is nothing but a member of a Raft group, the
//! replicated state of `etl-raft`, and a gRPC service in front of it that stores and reads checkpoints, which is what nodes
//! write all the time.

mod client;
mod process;
mod replicas;
mod service;
mod wire;

pub use process::{Args, run};
pub use replicas::Replicas;
