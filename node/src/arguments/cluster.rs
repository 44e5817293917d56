use std::path::PathBuf;

use clap::{Args, Subcommand};
use etl_model::Span;

use super::{ReadArguments, RecoverArguments, RestoreArguments, ServerArguments};

/// What to do with a cluster.
#[derive(Debug, Subcommand)]
pub enum ClusterCommand {
    /// Show leader, members, how far behind they are, their health and disks, every problem and what to do about it.
    ///
    /// Without a leader it shows what a node knows and ends with exit code 3.
    Status(ClusterStatusArguments),
    /// Let partitions leave a node, for example before maintenance; it stays a member.
    Drain(NodeArguments),
    /// End a drain.
    Resume(NodeArguments),
    /// Let a node that is up leave for ever: drain it, take its vote, remove it. It stops by itself.
    Leave(LeaveArguments),
    /// Remove a node for ever; with --force also one that is down and cannot drain.
    Remove(RemoveArguments),
    /// Let another voter lead.
    TransferLeader {
        #[command(flatten)]
        server: ServerArguments,

        /// Who is to lead [default: the voter that lacks least].
        #[arg(long, value_name = "NODE")]
        to: Option<u64>,
    },
    /// Write a consistent copy of the cluster's state to a file while it is running.
    ///
    /// FILE holds the old content or a complete, checked copy, whatever happens.
    Backup {
        #[command(flatten)]
        server: ServerArguments,

        /// The file to write.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Make a new cluster of one node out of a backup. Works on an empty data directory; no node may run on it.
    ///
    /// The new cluster has an id of its own, and what the former one may still run can write to no destination any more.
    Restore(RestoreArguments),
    /// Make a new cluster out of one node's data when a majority of the old one is gone for ever. No node may run on it.
    ///
    /// What had not reached this node is lost. Never for a cluster that may come back: bring up more than half of its voters
    /// instead.
    Recover(RecoverArguments),
    /// Show the command with which a new node joins this cluster. Joining itself is what `node start --join` does.
    Join {
        #[command(flatten)]
        read: ReadArguments,
    },
}

/// Arguments of `cluster status`.
#[derive(Debug, Args)]
pub struct ClusterStatusArguments {
    #[command(flatten)]
    pub read: ReadArguments,

    /// Show it again and again, every 2s or so often as is said, until Ctrl-C.
    #[arg(long, value_name = "TIME", num_args = 0..=1, default_missing_value = "2s")]
    pub watch: Option<Span>,

    /// End with exit code 1 when there is any problem.
    #[arg(long)]
    pub check: bool,

    /// Show removed nodes, too.
    #[arg(long)]
    pub all: bool,
}

/// Which node.
#[derive(Debug, Args)]
pub struct NodeArguments {
    #[command(flatten)]
    pub server: ServerArguments,

    /// The node's id, as `cluster status` shows it.
    #[arg(value_name = "NODE")]
    pub node: u64,
}

/// Arguments of `cluster leave`.
#[derive(Debug, Args)]
pub struct LeaveArguments {
    #[command(flatten)]
    pub node: NodeArguments,

    /// Do not ask on the terminal.
    #[arg(long, short)]
    pub yes: bool,
}

/// Arguments of `cluster remove`.
#[derive(Debug, Args)]
pub struct RemoveArguments {
    #[command(flatten)]
    pub leave: LeaveArguments,

    /// Also when it is down and cannot drain. Its partitions continue elsewhere from their checkpoints.
    #[arg(long)]
    pub force: bool,
}
