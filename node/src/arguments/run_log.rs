use clap::{Args, ValueEnum};

use super::ServerArguments;

/// Arguments of `runs logs`.
#[derive(Debug, Args)]
pub struct RunLogArguments {
    #[command(flatten)]
    pub server: ServerArguments,

    /// The run's id, or a workflow: its run that is not finished, else its last one.
    #[arg(value_name = "RUN|WORKFLOW")]
    pub what: String,

    /// Go on with what is logged later, until the run is over.
    #[arg(long, short)]
    pub follow: bool,

    /// Leave out what is less grave.
    #[arg(long, value_enum, default_value_t = LogLevelArgument::Info)]
    pub level: LogLevelArgument,
}

/// How grave an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogLevelArgument {
    /// What cannot be done.
    Error,
    /// What is probably not as it should be.
    Warn,
    /// What happens.
    Info,
    /// Also what is of use when something is looked for.
    Debug,
}
