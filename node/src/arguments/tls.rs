use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What to do with certificates.
#[derive(Debug, Subcommand)]
pub enum TlsCommand {
    /// Make an authority and the certificates of a first cluster's nodes and tools.
    ///
    /// DIR then holds ca.crt (everybody trusts it), ca.key (keep it away from nodes), and NAME.crt and NAME.key for every
    /// node and for tools (client.crt, client.key). Nothing is overwritten.
    Init(InitArguments),
    /// Make further certificates with the authority of a directory, or replace some before they expire.
    Issue(IssueArguments),
}

/// Arguments of `tls init`.
#[derive(Debug, Args)]
pub struct InitArguments {
    /// Directory for authority and certificates.
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,

    #[command(flatten)]
    pub nodes: CertificateArguments,

    /// Name of the tools' certificate.
    #[arg(long, value_name = "NAME", default_value = "client")]
    pub client: String,
}

/// Arguments of `tls issue`.
#[derive(Debug, Args)]
pub struct IssueArguments {
    /// Directory with an authority that `tls init` made.
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,

    #[command(flatten)]
    pub nodes: CertificateArguments,

    /// Make a tools' certificate of this name; may be repeated.
    #[arg(long, value_name = "NAME")]
    pub client: Vec<String>,

    /// Replace certificates that exist; nodes take up new files by themselves.
    #[arg(long)]
    pub replace: bool,
}

/// Who gets certificates.
#[derive(Debug, Args)]
pub struct CertificateArguments {
    /// A node and the hosts (DNS names, IP addresses) at which others reach it; may be repeated.
    #[arg(long, value_name = "NAME[=HOST,...]")]
    pub node: Vec<String>,

    /// A host at which others reach every node that is named; may be repeated. `localhost` always is one.
    #[arg(long, value_name = "HOST")]
    pub host: Vec<String>,

    /// How long they are valid.
    #[arg(long, value_name = "DAYS", default_value_t = 825, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub days: u32,
}
