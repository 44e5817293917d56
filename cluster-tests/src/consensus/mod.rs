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
mod report;
mod usage;
mod workflows;

pub use command::{Args, run};
