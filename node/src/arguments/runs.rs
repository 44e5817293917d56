use clap::{Args, Subcommand};

use super::{ReadArguments, ServerArguments};

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

    /// A workflow, whose run that is not finished is meant, else its last one; or a run's id.
    #[arg(value_name = "WORKFLOW|RUN")]
    pub what: String,
}
