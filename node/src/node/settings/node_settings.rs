use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use etl_model::ByteSize;
use etl_security::TlsSettings;

use super::Advertised;
use crate::arguments::LogFormat;
use crate::tracing_settings::TracingSettings;

/// Settings that hold together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NodeSettings {
    pub data_dir: PathBuf,
    pub entry: Entry,
    /// How long to try to join.
    pub join_timeout: Duration,
    /// Empty when none was given.
    pub zone: String,
    pub raft: Endpoint,
    pub admin: Endpoint,
    /// Where metrics and health are told by HTTP.
    pub http: HttpEndpoint,
    pub tls: Option<TlsSettings>,
    pub consensus: etl_raft::consensus::Settings,
    pub cluster: etl_cluster::Settings,
    pub work: WorkSettings,
    pub tracing: TracingSettings,
    /// A filter of the log.
    pub log: String,
    pub log_format: LogFormat,
}

/// How it works on partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WorkSettings {
    /// What the partitions of one run should stay inside.
    pub memory: ByteSize,
    /// Threads that decode, transform and encode.
    pub threads: NonZeroUsize,
    /// How long one call into a connector may take.
    pub stall_timeout: Duration,
    pub secrets_dir: Option<PathBuf>,
}

/// How a node that has no identity yet gets one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Not at all.
    None,
    /// It founds a cluster.
    Bootstrap,
    /// It joins the cluster of the nodes with these admin addresses; there is at least one.
    Join(Vec<String>),
}

/// The listener for HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HttpEndpoint {
    /// None.
    Off,
    /// Where it listens unless somebody else does; nobody has asked for it.
    IfFree(SocketAddr),
    /// Where it has to listen.
    At(SocketAddr),
}

/// A listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub listen: SocketAddr,
    pub advertised: Advertised,
}
