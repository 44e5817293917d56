use std::num::NonZeroU32;
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

    /// Also crash the workflow at every place where a crash could lose or double a record, and compare what has arrived.
    ///
    /// The records of each test that passes go through the engine and the transformations in several partitions and many
    /// commits, from sources to destinations that are played in memory. A run without a crash tells what has to arrive. Then
    /// the process dies at each crash row and passage, in some trials twice, and another one goes on with what was durable. Per
    /// crash row is told: how often a run passes it, the crashes, and the records that were lost, doubled, or came again where
    /// the destination does not promise anything else. Real systems are not asked; how they commit is played, not tried.
    /// Rate limits and circuit breakers do not hold here. Servers answer as often as they are asked, without the failures
    /// (429 and 5xx) that have `times`.
    #[arg(long)]
    pub chaos: bool,

    /// The most passages of one crash row at which it crashes, evenly chosen.
    #[arg(long, value_name = "N", default_value = "25", requires = "chaos")]
    pub chaos_limit: NonZeroU32,
}
