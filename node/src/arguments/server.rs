use std::path::PathBuf;

use clap::Args;
use etl_model::Span;

/// How a cluster is reached.
#[derive(Debug, Args)]
pub struct ServerArguments {
    /// Admin address of a node; any will do, and further ones are asked when it cannot be reached [default: 127.0.0.1:7002].
    #[arg(long, env = "ACTIX_ETL_SERVER", value_name = "HOST:PORT", value_delimiter = ',')]
    pub server: Vec<String>,

    /// Use TLS and trust the authority in this PEM file.
    #[arg(long, env = "ACTIX_ETL_TLS_CA", value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,

    /// PEM file with the certificate that is shown to nodes.
    #[arg(long, env = "ACTIX_ETL_TLS_CERT", value_name = "FILE", requires_all = ["tls_ca", "tls_key"])]
    pub tls_cert: Option<PathBuf>,

    /// PEM file with the key of that certificate.
    #[arg(long, env = "ACTIX_ETL_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// How long to try until it is done [default: 10s; 5m for `leave` and `remove`].
    #[arg(long, env = "ACTIX_ETL_TIMEOUT", value_name = "TIME")]
    pub timeout: Option<Span>,
}

impl ServerArguments {
    /// Whether a node was named, on the command line or in the environment.
    pub fn is_named(&self) -> bool {
        !self.server.is_empty()
    }
}

/// How a cluster is reached, and how fresh the answer must be.
#[derive(Debug, Args)]
pub struct ReadArguments {
    #[command(flatten)]
    pub server: ServerArguments,

    /// Take what the node knows, perhaps old; needs no leader.
    #[arg(long)]
    pub stale: bool,
}
