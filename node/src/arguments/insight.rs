use std::path::PathBuf;

use clap::Args;
use etl_model::Span;
use serde::{Deserialize, Serialize};

use super::{ReadArguments, ServerArguments, Share};

/// Arguments of `health`.
#[derive(Debug, Args)]
pub struct HealthArguments {
    #[command(flatten)]
    pub server: ServerArguments,

    /// End with exit code 1 also when something works, but not as it should.
    #[arg(long)]
    pub strict: bool,
}

/// Arguments of `top`.
#[derive(Debug, Args)]
pub struct TopArguments {
    #[command(flatten)]
    pub read: ReadArguments,

    /// How often to look.
    #[arg(long, value_name = "TIME", default_value = "2s")]
    pub every: Span,
}

/// Arguments of `trace`.
#[derive(Debug, Args)]
pub struct TraceArguments {
    #[command(flatten)]
    pub server: ServerArguments,

    /// The run's id, or a workflow: its run that is not finished, else its last one.
    #[arg(value_name = "RUN|WORKFLOW")]
    pub what: String,

    /// Show at most so many traces, the last ones.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub limit: usize,
}

/// Arguments of `node log-level`.
#[derive(Debug, Args)]
pub struct LogLevelArguments {
    #[command(flatten)]
    pub server: ServerArguments,

    /// What to log from now on: error, warn, info, debug, trace, or a filter such as `warn,etl_engine=debug`; only shown without it.
    #[arg(long, value_name = "FILTER")]
    pub set: Option<String>,

    /// Log again what the nodes were started with.
    #[arg(long, conflicts_with = "set")]
    pub reset: bool,

    /// Log so for this time, then again what the nodes were started with [default: until they are started again].
    #[arg(long = "for", value_name = "TIME", requires = "set")]
    pub time: Option<Span>,

    /// Only this node, by the number that `cluster status` shows [default: all].
    #[arg(long, value_name = "NODE", value_parser = clap::value_parser!(u64).range(1..))]
    pub node: Option<u64>,
}

/// Which batches are traced, and where the traces go.
#[derive(Debug, Clone, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TracingOptions {
    /// Where traces are sent by OTLP over gRPC, such as http://collector:4317, or https with TLS [default: nowhere, or what
    /// OTEL_EXPORTER_OTLP_ENDPOINT says].
    #[arg(id = "tracing_endpoint", long = "tracing-endpoint", env = "ACTIX_ETL_TRACING_ENDPOINT")]
    #[arg(value_name = "URL")]
    pub endpoint: Option<String>,

    /// Headers that are sent with them, as NAME=VALUE; `${secret:name}` in a value is put in [default: what
    /// OTEL_EXPORTER_OTLP_HEADERS says].
    #[arg(id = "tracing_headers", long = "tracing-headers", env = "ACTIX_ETL_TRACING_HEADERS")]
    #[arg(value_name = "NAME=VALUE", value_delimiter = ',', hide_short_help = true)]
    pub headers: Option<Vec<String>>,

    /// With https: trust the authority in this PEM file [default: what OTEL_EXPORTER_OTLP_CERTIFICATE says, else that of
    /// --tls-ca].
    #[arg(id = "tracing_ca", long = "tracing-ca", env = "ACTIX_ETL_TRACING_CA", value_name = "FILE")]
    #[arg(hide_short_help = true)]
    pub ca: Option<PathBuf>,

    /// The share of source batches that are traced, from 0 to 1; unless it is 0, the first batch of each run is [default: 0.01].
    #[arg(id = "tracing_sample", long = "tracing-sample", env = "ACTIX_ETL_TRACING_SAMPLE")]
    #[arg(value_name = "SHARE")]
    pub sample: Option<Share>,
}
