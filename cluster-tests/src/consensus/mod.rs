//! What agreement costs: linearizable writes and reads, idle members, time without a leader, beside etcd on the same disk.

mod command;
mod etcd;
mod figures;
mod load;
mod register;
mod usage;

pub use command::{Args, run};
