//! What is done to a data directory while no node runs on it: a backup is restored, or the last survivor of a cluster goes on
//! alone. Both make a new cluster of one node out of a state ([`alone`]).

mod alone;
mod fresh_cluster;
mod outcome;
mod recover;
mod restore;

pub(crate) use outcome::FreshCluster;
pub(crate) use recover::recover;
pub(crate) use restore::restore;
