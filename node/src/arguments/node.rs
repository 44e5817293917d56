use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use etl_model::{ByteSize, Span};
use serde::{Deserialize, Serialize};

use super::{LogLevelArguments, TracingOptions};

/// What to do with this machine's node.
#[derive(Debug, Subcommand)]
pub enum NodeCommand {
    /// Run a node of a cluster until SIGTERM or SIGINT.
    ///
    /// The first node founds the cluster (--bootstrap), every other one joins it (--join). Both say how a node starts that has
    /// no identity yet and mean nothing to one that has, so that the same command starts it again. What is not given here or
    /// in the environment is taken from the file that --config names.
    Start(Box<StartArguments>),
    /// Check the settings of a node and show what they come to; starts nothing and touches no data directory.
    Check(Box<CheckArguments>),
    /// Show or change what running nodes log, without starting them again.
    LogLevel(LogLevelArguments),
}

/// Arguments of `node start`.
#[derive(Debug, Args)]
pub struct StartArguments {
    #[command(flatten)]
    pub settings: CheckArguments,

    /// Write who the node is and where it listens to this file, as JSON, once it is ready.
    #[arg(long, value_name = "FILE")]
    pub print_addresses: Option<PathBuf>,
}

/// Where the settings of a node come from.
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// YAML file with settings; flags and environment variables win over it.
    #[arg(long, env = "ACTIX_ETL_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    #[command(flatten)]
    pub options: NodeOptions,
}

/// Everything that can be set about a node. Each has one name in three forms: `listen` below `raft` in the file is the flag
/// `--raft-listen` and the variable ACTIX_ETL_RAFT_LISTEN.
#[derive(Debug, Clone, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NodeOptions {
    /// Directory in which the node keeps everything; one per node, on a local disk [default: /var/lib/actix-etl].
    #[arg(long, env = "ACTIX_ETL_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Found a new cluster, with this node alone. For exactly one node, at its first start.
    #[arg(long, env = "ACTIX_ETL_BOOTSTRAP", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(value_name = "BOOL")]
    pub bootstrap: Option<bool>,

    /// Join the cluster of the nodes with these admin addresses; a damaged node also rejoins by them.
    #[arg(long, env = "ACTIX_ETL_JOIN", value_delimiter = ',', value_name = "HOST:PORT")]
    pub join: Option<Vec<String>>,

    /// How long to try to join before giving up [default: 2m].
    #[arg(long, env = "ACTIX_ETL_JOIN_TIMEOUT", value_name = "TIME", hide_short_help = true)]
    pub join_timeout: Option<Span>,

    /// Where the node stands, such as a data centre; nodes of different zones are taken to fail apart.
    #[arg(long, env = "ACTIX_ETL_ZONE", value_name = "NAME")]
    pub zone: Option<String>,

    /// Listen without TLS on other addresses than loopback: whoever reaches the ports may do everything.
    #[arg(long, env = "ACTIX_ETL_INSECURE_PLAIN_LISTENER", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_name = "BOOL")]
    pub insecure_plain_listener: Option<bool>,

    /// What is logged: the option --log, and `info` for a node unless something else is asked for.
    #[arg(skip)]
    pub log: Option<String>,

    /// Where /metrics, /healthz, /readyz and /health are told by HTTP, or `off`; when nothing is said, nowhere if that port is
    /// taken [default: 127.0.0.1:7003].
    #[arg(long, env = "ACTIX_ETL_HTTP_LISTEN", value_name = "IP:PORT")]
    pub http_listen: Option<String>,

    /// How the log is written [default: auto].
    #[arg(long, env = "ACTIX_ETL_LOG_FORMAT", value_enum, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,

    #[command(flatten)]
    pub raft: RaftOptions,

    #[command(flatten)]
    pub admin: AdminOptions,

    #[command(flatten)]
    pub tls: TlsOptions,

    #[command(flatten)]
    pub cluster: ClusterOptions,

    #[command(flatten)]
    pub work: WorkOptions,

    #[command(flatten)]
    pub tracing: TracingOptions,
}

/// How a log is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Text on a terminal, JSON lines elsewhere.
    #[default]
    Auto,
    /// Text.
    Text,
    /// JSON lines.
    Json,
}

/// The listener for other members, and how consensus behaves.
#[derive(Debug, Clone, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RaftOptions {
    /// Where other members are listened to [default: 127.0.0.1:7001].
    #[arg(id = "raft_listen", long = "raft-listen", env = "ACTIX_ETL_RAFT_LISTEN", value_name = "IP:PORT")]
    pub listen: Option<String>,

    /// How other members reach that listener [default: as it listens].
    #[arg(
        id = "raft_advertise",
        long = "raft-advertise",
        env = "ACTIX_ETL_RAFT_ADVERTISE",
        value_name = "HOST[:PORT]"
    )]
    pub advertise: Option<String>,

    /// How often a leader is heard; the same on all nodes, as the following three [default: 100ms].
    #[arg(id = "raft_heartbeat", long = "raft-heartbeat", env = "ACTIX_ETL_RAFT_HEARTBEAT")]
    #[arg(value_name = "TIME", hide_short_help = true)]
    pub heartbeat: Option<Span>,

    /// For so long after it heard a leader a node votes for no other; more than two heartbeats [default: 300ms].
    #[arg(id = "raft_vote_lease", long = "raft-vote-lease", env = "ACTIX_ETL_RAFT_VOTE_LEASE")]
    #[arg(value_name = "TIME", hide_short_help = true)]
    pub vote_lease: Option<Span>,

    /// A node that heard no leader for longer, by chance up to --raft-election-max, asks for votes [default: 500ms].
    #[arg(id = "raft_election_min", long = "raft-election-min", env = "ACTIX_ETL_RAFT_ELECTION_MIN")]
    #[arg(value_name = "TIME", hide_short_help = true)]
    pub election_min: Option<Span>,

    /// See --raft-election-min [default: 1s].
    #[arg(id = "raft_election_max", long = "raft-election-max", env = "ACTIX_ETL_RAFT_ELECTION_MAX")]
    #[arg(value_name = "TIME", hide_short_help = true)]
    pub election_max: Option<Span>,

    /// Entries of the log after which a snapshot is made [default: 5000].
    #[arg(id = "raft_snapshot_after", long = "raft-snapshot-after", env = "ACTIX_ETL_RAFT_SNAPSHOT_AFTER")]
    #[arg(value_name = "N", hide_short_help = true)]
    pub snapshot_after: Option<u64>,

    /// Entries of the log that are kept behind a snapshot, for nodes that were away for a short time [default: 1000].
    #[arg(id = "raft_keep_entries", long = "raft-keep-entries", env = "ACTIX_ETL_RAFT_KEEP_ENTRIES")]
    #[arg(value_name = "N", hide_short_help = true)]
    pub keep_entries: Option<u64>,
}

/// The listener for tools, and for nodes beside Raft.
#[derive(Debug, Clone, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminOptions {
    /// Where tools and joining nodes are listened to [default: 127.0.0.1:7002].
    #[arg(id = "admin_listen", long = "admin-listen", env = "ACTIX_ETL_ADMIN_LISTEN")]
    #[arg(value_name = "IP:PORT")]
    pub listen: Option<String>,

    /// How they reach that listener [default: as it listens].
    #[arg(id = "admin_advertise", long = "admin-advertise", env = "ACTIX_ETL_ADMIN_ADVERTISE")]
    #[arg(value_name = "HOST[:PORT]")]
    pub advertise: Option<String>,
}

/// Which files make connections private; all listeners and all calls to other nodes use TLS then. Files that change are taken
/// up by themselves.
#[derive(Debug, Clone, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsOptions {
    /// Use TLS and trust the authority in this PEM file, and no other.
    #[arg(id = "tls_ca", long = "tls-ca", env = "ACTIX_ETL_TLS_CA", value_name = "FILE")]
    pub ca: Option<PathBuf>,

    /// PEM file with the node's certificate.
    #[arg(id = "tls_cert", long = "tls-cert", env = "ACTIX_ETL_TLS_CERT", value_name = "FILE")]
    pub cert: Option<PathBuf>,

    /// PEM file with the key of that certificate.
    #[arg(id = "tls_key", long = "tls-key", env = "ACTIX_ETL_TLS_KEY", value_name = "FILE")]
    pub key: Option<PathBuf>,

    /// Whether tools must show a certificate; nodes always must [default: required].
    #[arg(id = "tls_client_auth", long = "tls-client-auth", env = "ACTIX_ETL_TLS_CLIENT_AUTH")]
    #[arg(value_enum, value_name = "WHEN")]
    pub client_auth: Option<ClientCertificates>,
}

/// Whether tools must show a certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientCertificates {
    /// One of the trusted authority.
    #[default]
    Required,
    /// None: whoever reaches the port may do everything.
    None,
}

/// How nodes look after each other.
#[derive(Debug, Clone, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClusterOptions {
    /// A node that was silent for so long is taken to be down [default: 3s].
    #[arg(id = "cluster_down_after", long = "cluster-down-after", env = "ACTIX_ETL_CLUSTER_DOWN_AFTER")]
    #[arg(value_name = "TIME", hide_short_help = true)]
    pub down_after: Option<Span>,

    /// A node that was well for so long may become a voter [default: 10s].
    #[arg(
        id = "cluster_promote_after",
        long = "cluster-promote-after",
        env = "ACTIX_ETL_CLUSTER_PROMOTE_AFTER"
    )]
    #[arg(value_name = "TIME", hide_short_help = true)]
    pub promote_after: Option<Span>,

    /// The vote of a node that was down for so long goes to another, where that is safe [default: 10m].
    #[arg(
        id = "cluster_replace_after",
        long = "cluster-replace-after",
        env = "ACTIX_ETL_CLUSTER_REPLACE_AFTER"
    )]
    #[arg(value_name = "TIME", hide_short_help = true)]
    pub replace_after: Option<Span>,
}

/// How a node works on the partitions that are given to it.
#[derive(Debug, Clone, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WorkOptions {
    /// Memory that the partitions of one run should stay inside on this node [default: 256MiB].
    #[arg(id = "work_memory", long = "work-memory", env = "ACTIX_ETL_WORK_MEMORY", value_name = "SIZE")]
    pub memory: Option<ByteSize>,

    /// Threads that decode, transform and encode [default: the number of cores].
    #[arg(id = "work_threads", long = "work-threads", env = "ACTIX_ETL_WORK_THREADS", value_name = "N")]
    pub threads: Option<NonZeroUsize>,

    /// How long one call into a connector may take before its partition is killed and started again [default: 10m].
    #[arg(id = "work_stall_timeout", long = "work-stall-timeout", env = "ACTIX_ETL_WORK_STALL_TIMEOUT")]
    #[arg(value_name = "TIME", hide_short_help = true)]
    pub stall_timeout: Option<Span>,

    /// Directory with one file per secret, named like it; `${secret:name}` is otherwise taken from the environment
    /// variable ACTIX_ETL_SECRET_NAME. The same secrets on every node.
    #[arg(id = "work_secrets_dir", long = "work-secrets-dir", env = "ACTIX_ETL_WORK_SECRETS_DIR")]
    #[arg(value_name = "DIR")]
    pub secrets_dir: Option<PathBuf>,
}
