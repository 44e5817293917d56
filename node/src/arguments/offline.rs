use std::path::PathBuf;

use clap::Args;

/// Arguments of `cluster restore`.
#[derive(Debug, Args)]
pub struct RestoreArguments {
    /// A file that `cluster backup` has written.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    #[command(flatten)]
    pub alone: AloneArguments,
}

/// Arguments of `cluster recover`.
#[derive(Debug, Args)]
pub struct RecoverArguments {
    #[command(flatten)]
    pub alone: AloneArguments,

    /// Confirm that more than half of the voters are gone for ever and will never be started again.
    #[arg(long)]
    pub yes_the_majority_is_lost: bool,
}

/// The node that goes on alone; with the same settings as `node start` will have.
#[derive(Debug, Args)]
pub struct AloneArguments {
    /// YAML file with the node's settings.
    #[arg(long, env = "ACTIX_ETL_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Its data directory, which no process may be using [default: /var/lib/actix-etl].
    #[arg(long, env = "ACTIX_ETL_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// How other members will reach its Raft listener [default: 127.0.0.1:7001].
    #[arg(long, env = "ACTIX_ETL_RAFT_ADVERTISE", value_name = "HOST[:PORT]")]
    pub raft_advertise: Option<String>,

    /// How tools will reach its admin listener [default: 127.0.0.1:7002].
    #[arg(long, env = "ACTIX_ETL_ADMIN_ADVERTISE", value_name = "HOST[:PORT]")]
    pub admin_advertise: Option<String>,
}
