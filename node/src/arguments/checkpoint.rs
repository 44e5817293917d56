use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{ReadArguments, ServerArguments};

/// What to do with checkpoints.
#[derive(Debug, Subcommand)]
pub enum CheckpointCommand {
    /// Show interrupted runs, their markers, and where incremental runs go on.
    ///
    /// Without --server (or ACTIX_ETL_SERVER) they are those of `run FILE` on this machine. With it they are those of the cluster:
    /// of the run named, or of a workflow's run that is not finished, else of its last one; as the cluster knows them, the
    /// destinations may be ahead.
    Show(CheckpointShowArguments),
    /// Abandon the interrupted run of a workflow and forget where incremental runs go on; the next run starts anew.
    ///
    /// Without --server (or ACTIX_ETL_SERVER) it is the run of `run FILE` on this machine. With it, it is the halted run of the
    /// cluster; while the workflow is running, this is refused. Rows that were delivered stay where they are.
    Reset {
        #[command(flatten)]
        local: LocalCheckpoints,

        #[command(flatten)]
        server: ServerArguments,

        /// The workflow, by name or file.
        #[arg(value_name = "WORKFLOW")]
        workflow: Option<String>,

        /// Do not ask on the terminal.
        #[arg(long, short)]
        yes: bool,
    },
}

/// Arguments of `checkpoint show`.
#[derive(Debug, Args)]
pub struct CheckpointShowArguments {
    #[command(flatten)]
    pub local: LocalCheckpoints,

    #[command(flatten)]
    pub read: ReadArguments,

    /// The workflow, by name or file; of a cluster also the id of a run [default: on this machine all].
    #[arg(value_name = "WORKFLOW|RUN")]
    pub what: Option<String>,
}

/// Where this machine keeps its state.
#[derive(Debug, Args)]
pub struct LocalCheckpoints {
    /// The state directory [default: `.actix-etl` beside the workflow's file, or here].
    #[arg(long, env = "ACTIX_ETL_STATE_DIR", value_name = "DIR", conflicts_with = "server")]
    pub state_dir: Option<PathBuf>,
}
