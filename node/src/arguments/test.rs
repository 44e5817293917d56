use std::path::PathBuf;

use clap::Args;

/// Arguments of `test`.
#[derive(Debug, Args)]
pub struct TestArguments {
    /// Workflow files, their test files, and folders whose `*.test.yaml` are run.
    #[arg(required = true, value_name = "FILE|FOLDER")]
    pub paths: Vec<PathBuf>,

    /// Only tests whose name contains this text.
    #[arg(long, value_name = "TEXT")]
    pub name: Option<String>,
}
