use clap::{Args, Subcommand};
use etl_model::Span;

use super::{ReadArguments, RunLogArguments, ServerArguments};

/// What to do with runs.
#[derive(Debug, Subcommand)]
pub enum RunsCommand {
    /// List runs, newest first: those that are not finished, and of each workflow the last 100 that are.
    List(RunsListArguments),
    /// Show a run: its state, its partitions, what was read and delivered on every route.
    Get {
        #[command(flatten)]
        read: ReadArguments,

        /// The run's id, or a workflow: its run that is not finished, else its last one.
        #[arg(value_name = "RUN|WORKFLOW")]
        what: String,
    },
    /// Show how a run goes, live on a terminal, until it is over. Ctrl-C ends the watching, not the run.
    ///
    /// A paused run is waited for. Exit codes: 0 it has completed, 1 it has failed, was ended or replaced. With `--output
    /// json` every change is a document on a line of its own.
    Watch {
        #[command(flatten)]
        server: ServerArguments,

        /// The run's id, or a workflow: its run that is not finished, else its last one.
        #[arg(value_name = "RUN|WORKFLOW")]
        what: String,
    },
    /// Show what all nodes have logged about a run, by time.
    ///
    /// Every node keeps its last 1,000 events of a run (256 KiB), of the last 64 runs, in memory: what it has logged before it was
    /// started again is in its log alone. With `--output json` every event is a document on a line of its own.
    Logs(RunLogArguments),
}

/// Arguments of `runs list`.
#[derive(Debug, Args)]
pub struct RunsListArguments {
    #[command(flatten)]
    pub read: ReadArguments,

    /// Only those of this workflow.
    #[arg(value_name = "WORKFLOW")]
    pub workflow: Option<String>,

    /// At most so many [default: all].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: Option<u32>,
}

/// Arguments of `partitions`.
#[derive(Debug, Args)]
pub struct PartitionsArguments {
    #[command(flatten)]
    pub read: ReadArguments,

    /// Look for so long, such as 3s, and tell how many records a second of each partition were committed meanwhile; not less than
    /// the workflow's `commit_interval`.
    #[arg(long, value_name = "TIME")]
    pub rate: Option<Span>,

    /// A workflow, whose run that is not finished is meant, else its last one; or a run's id.
    #[arg(value_name = "WORKFLOW|RUN")]
    pub what: String,
}
