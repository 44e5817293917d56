use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
pub enum DlqCommand {
    /// Sum up what lies there: by workflow, run, step and kind of error, with the last message of each.
    List {
        #[command(flatten)]
        place: DlqPlace,

        /// The workflow, by name or file [default: all].
        #[arg(value_name = "WORKFLOW")]
        workflow: Option<String>,
    },
    /// Count the letters.
    Count(DlqSelection),
    /// Show letters one by one: the error, where the record came from, and the record.
    Show {
        #[command(flatten)]
        selection: DlqSelection,

        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: u64,
    },
    /// Write letters to standard output as JSON lines.
    Export {
        #[command(flatten)]
        selection: DlqSelection,

        /// The records alone, without their errors.
        #[arg(long)]
        records: bool,
    },
    /// Remove the letters of a run, or of all runs of a workflow.
    Discard {
        #[command(flatten)]
        place: DlqPlace,

        /// The workflow, by name or file.
        #[arg(value_name = "WORKFLOW")]
        workflow: String,

        /// The run alone, by its id.
        #[arg(long, value_name = "ID")]
        run: Option<String>,

        /// Do not ask on the terminal.
        #[arg(long, short)]
        yes: bool,
    },
}

/// Where letters lie.
#[derive(Debug, Args)]
pub struct DlqPlace {
    /// The state directory, or the data directory of a node [default: `.actix-etl` beside the workflow's file, or here].
    #[arg(long, env = "ACTIX_ETL_STATE_DIR", value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
}

/// Which letters.
#[derive(Debug, Args)]
pub struct DlqSelection {
    #[command(flatten)]
    pub place: DlqPlace,

    /// The workflow, by name or file.
    #[arg(value_name = "WORKFLOW")]
    pub workflow: String,

    /// Of this run, by its id [default: of all].
    #[arg(long, value_name = "ID")]
    pub run: Option<String>,

    /// Of this step.
    #[arg(long, value_name = "NAME")]
    pub step: Option<String>,

    /// With this code, such as `division_by_zero`.
    #[arg(long, value_name = "CODE")]
    pub code: Option<String>,
}
