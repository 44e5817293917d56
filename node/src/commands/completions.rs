use clap::CommandFactory;
use clap_complete::Shell;

use crate::arguments::CommandLine;
use crate::{Error, Exit};

pub(super) fn completions(shell: Shell) -> Result<Exit, Error> {
    clap_complete::generate(shell, &mut CommandLine::command(), "actix-etl", &mut std::io::stdout());
    Ok(Exit::Success)
}
