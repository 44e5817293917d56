use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use etl_security::TlsSettings;

use super::Advertised;
use crate::arguments::LogFormat;

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
    pub tls: Option<TlsSettings>,
    pub consensus: etl_raft::consensus::Settings,
    pub cluster: etl_cluster::Settings,
    /// A filter of the log.
    pub log: String,
    pub log_format: LogFormat,
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

/// A listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub listen: SocketAddr,
    pub advertised: Advertised,
}
