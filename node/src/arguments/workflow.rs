use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{ReadArguments, ServerArguments};

/// What to do with workflows.
#[derive(Debug, Subcommand)]
pub enum WorkflowCommand {
    /// Bring the workflows in files to the cluster: created, updated or unchanged, with the difference.
    ///
    /// All are checked first, by a node; nothing is changed when one of them is not valid.
    Apply(ApplyArguments),
    /// List the workflows.
    List {
        #[command(flatten)]
        read: ReadArguments,
    },
    /// Print a workflow's document.
    // Its --version is the workflow's, not the program's.
    #[command(disable_version_flag = true)]
    Get {
        #[command(flatten)]
        read: ReadArguments,

        /// The workflow.
        #[arg(value_name = "NAME")]
        name: String,

        /// Which version [default: the one in force].
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        version: Option<u64>,
    },
    /// Show how files differ from what is in force, or how a workflow's versions differ; exit code 1 when they do.
    Diff(DiffArguments),
    /// Take a workflow out of force; its history stays.
    Delete {
        #[command(flatten)]
        server: ServerArguments,

        /// The workflow.
        #[arg(value_name = "NAME")]
        name: String,

        /// Only when this is the version in force.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        expect_version: Option<u64>,

        /// Do not ask on the terminal.
        #[arg(long, short)]
        yes: bool,
    },
    /// List the versions of a workflow, newest first.
    History {
        #[command(flatten)]
        read: ReadArguments,

        /// The workflow.
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Run a workflow on the cluster, or continue its run that was halted.
    ///
    /// The nodes share its partitions. When a node ends, the others go on with what it had; no record is lost or doubled. A
    /// workflow that reads or writes files of a machine runs on the node that was asked, alone.
    Run(RunWorkflowArguments),
    /// Halt the run of a workflow: what has been read is committed, then it stops until `resume` or `run`.
    Pause(RunOfArguments),
    /// Continue the halted run of a workflow, with the version of the workflow that it has.
    Resume(RunOfArguments),
    /// End the run of a workflow for good, running or halted; it cannot be continued. What it has delivered stays.
    Stop {
        #[command(flatten)]
        of: RunOfArguments,

        /// Do not ask on the terminal.
        #[arg(long, short)]
        yes: bool,
    },
}

/// Arguments of `workflow run`.
#[derive(Debug, Args)]
pub struct RunWorkflowArguments {
    #[command(flatten)]
    pub server: ServerArguments,

    /// The workflow.
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Show how it goes until it is over, as `runs watch` does, and end with its exit codes.
    #[arg(long)]
    pub watch: bool,

    /// Abandon the run that is not finished and start over; rows it has already appended somewhere stay there.
    #[arg(long)]
    pub restart: bool,

    /// Continue the run, halted or not, although the workflow has changed since.
    ///
    /// The version in force takes over behind what each partition has committed: nothing is lost or doubled.
    #[arg(long, conflicts_with = "restart")]
    pub accept_changes: bool,

    /// The value of a parameter of the workflow; several may be given. A halted run keeps those it was started with.
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = super::parameter)]
    pub parameters: Vec<(String, String)>,

    /// Only when this is the version in force.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub expect_version: Option<u64>,
}

/// Whose run.
#[derive(Debug, Args)]
pub struct RunOfArguments {
    #[command(flatten)]
    pub server: ServerArguments,

    /// The workflow, or the id of the run.
    #[arg(value_name = "NAME|RUN")]
    pub what: String,
}

/// Arguments of `workflow apply`.
#[derive(Debug, Args)]
pub struct ApplyArguments {
    #[command(flatten)]
    pub server: ServerArguments,

    /// Workflow files, and folders whose `*.yaml` and `*.yml` are workflow files.
    #[arg(required = true, value_name = "FILE|FOLDER")]
    pub paths: Vec<PathBuf>,

    /// Only show what would happen.
    #[arg(long)]
    pub dry_run: bool,

    /// Only when this is the version in force, 0 when there is to be none; for a single workflow.
    #[arg(long, value_name = "N")]
    pub expect_version: Option<u64>,
}

/// Arguments of `workflow diff`.
#[derive(Debug, Args)]
pub struct DiffArguments {
    #[command(flatten)]
    pub read: ReadArguments,

    /// Workflow files or folders to compare with what is in force; or the name of one workflow, to compare its versions.
    #[arg(required = true, value_name = "FILE|FOLDER|NAME")]
    pub what: Vec<PathBuf>,

    /// The older version [default: the one before the newer].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub from: Option<u64>,

    /// The newer version [default: the one in force].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub to: Option<u64>,
}
