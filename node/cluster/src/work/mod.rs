//! What a node does for the runs of the cluster: it works on the partitions that are assigned to it.
//!
//! ```text
//! state ---> reconcile() ---> Worker ---> Share (one per run) ---> Crew (etl_engine): the chains
//!              (pure)           |           |                        | claims, checkpoints
//!                               |           +--> Coordinator         v
//!                               +--- releases, halts              Ledger ---> Checkpointer ---> AdvanceCheckpoints
//! ```
//! A partition is begun in the one safe order: claim the epoch in Raft, fence the destinations, read their markers,
//! seek the source (`etl_engine` does the last three). It is let go of after its last marker is in Raft.
//!
//! **Invariants:** nothing here makes a commit safe, the fences do. A node that the leader has not answered for as long
//! as its lease lasts stops its chains by itself, because its partitions are being given away.

mod checkpointer;
mod coordinator;
mod earlier;
mod handle;
mod lease;
mod ledger;
mod ownership;
mod reconcile;
mod report;
mod share;
mod worker;
mod workshop;

pub use handle::{Work, WorkParts};
pub(crate) use workshop::inputs;
pub use workshop::{Prepared, Workshop};
