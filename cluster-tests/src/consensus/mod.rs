//! What agreement costs, beside etcd on the same disk: linearizable writes and reads, idle members, time without a leader,
//! joining, starting again.

mod absence;
mod command;
mod etcd;
mod etcd_client;
mod figures;
mod group;
mod growth;
mod load;
mod register;
mod replica;
mod report;
pub mod usage;
mod workflows;

pub use command::{Args, run};
pub use replica::{Args as ReplicaArgs, run as run_replica};
