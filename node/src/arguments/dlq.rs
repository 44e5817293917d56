use std::path::PathBuf;

use clap::{Args, Subcommand};
use etl_engine::DeadLetter;

use super::WorkflowArguments;

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
    /// Give letters to the steps that have set them aside once more, after the workflow was corrected, each exactly once.
    ///
    /// Each record comes to its step as it was, with the types of its columns, and goes on to the destinations behind that. The
    /// replay of `NAME` is the run of a workflow `NAME-replay`, with letters of its own: those that fail again. One that is
    /// interrupted, however it ends, is continued by the next; what has been replayed is never taken again, and `dlq list`
    /// tells how much that is. The runs whose letters are meant have to be complete. Letters of a source hold what could not
    /// be read, and are left. A `dedupe` or `limit` sees the letters alone; destinations that replace what they
    /// have are refused.
    Replay(ReplayArguments),
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

/// Arguments of `dlq replay`.
#[derive(Debug, Args)]
pub struct ReplayArguments {
    #[command(flatten)]
    pub workflow: WorkflowArguments,

    /// Send them through this version of the workflow, such as the one that the run had [default: FILE as it is now].
    #[arg(long = "workflow", value_name = "FILE")]
    pub through: Option<PathBuf>,

    /// Of this run alone, by its id [default: of the last one; of all where the workflow is incremental].
    #[arg(long, value_name = "ID")]
    pub run: Option<String>,

    #[command(flatten)]
    pub kind: LetterKind,
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

    #[command(flatten)]
    pub kind: LetterKind,
}

/// What kind of letters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct LetterKind {
    /// Of this step.
    #[arg(long, value_name = "NAME")]
    pub step: Option<String>,

    /// With this code, such as `division_by_zero`.
    #[arg(long, value_name = "CODE")]
    pub code: Option<String>,
}

impl LetterKind {
    /// Whether a letter is of it.
    pub fn has(&self, letter: &DeadLetter) -> bool {
        self.step.as_ref().is_none_or(|step| letter.step.as_str() == step)
            && self.code.as_ref().is_none_or(|code| letter.error.code == *code)
    }
}
