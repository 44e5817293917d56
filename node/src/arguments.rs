mod checkpoint;
mod cluster;
mod dlq;
mod insight;
mod node;
mod offline;
mod run_log;
mod runs;
mod server;
mod share;
mod tap;
mod test;
mod tls;
mod workflow;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use etl_model::{ByteSize, Span};

pub use checkpoint::{CheckpointCommand, CheckpointShowArguments, LocalCheckpoints};
pub use cluster::{ClusterCommand, ClusterStatusArguments, LeaveArguments, NodeArguments};
pub use dlq::{DlqCommand, DlqPlace, DlqSelection, LetterKind, ReplayArguments};
pub use insight::{HealthArguments, LogLevelArguments, TopArguments, TraceArguments, TracingOptions};
pub use node::{
    CheckArguments, ClientCertificates, ClusterOptions, LogFormat, NodeCommand, NodeOptions, RaftOptions,
    TlsOptions, WorkOptions,
};
pub use offline::{AloneArguments, RecoverArguments, RestoreArguments};
pub use run_log::{LogLevelArgument, RunLogArguments};
pub use runs::{PartitionsArguments, RunsCommand, RunsListArguments};
pub use server::{ReadArguments, ServerArguments};
pub use share::Share;
pub use tap::TapArguments;
pub use test::TestArguments;
pub use tls::{CertificateArguments, TlsCommand};
pub use workflow::{ApplyArguments, DiffArguments, RunOfArguments, RunWorkflowArguments, WorkflowCommand};

/// Moves data between systems as a declarative workflow, exactly once.
///
/// Write a workflow in YAML, check it with `lint`, look at it with `plan`, carry it out with `run`. A run that was
/// interrupted, however it ended, is continued by the next `run` of the same file; no record is lost or doubled.
#[derive(Debug, Parser)]
#[command(
    name = "actix-etl",
    version,
    propagate_version = true,
    after_help = "Exit codes: 0 done, 1 findings (invalid workflow, failed records or settings), 2 wrong command line, \
                  3 a system outside failed, 70 a defect, 128+N stopped by signal N."
)]
pub struct CommandLine {
    /// How results are written.
    #[arg(short, long, value_enum, global = true, default_value_t = Output::Text)]
    pub output: Output,

    /// What is logged to standard error: error, warn, info, debug, trace, or a filter such as `etl_engine=debug` [default: warn; a
    /// node: info].
    #[arg(long, global = true, env = "ACTIX_ETL_LOG", value_name = "FILTER")]
    pub log: Option<String>,

    #[command(subcommand)]
    pub command: Command,
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// For programs: one JSON document on standard output.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Carry out a workflow on this machine until its sources end; continue it if it was interrupted.
    ///
    /// Ctrl-C or SIGTERM stops reading, commits what has been read and ends; a second one ends at once, which is safe
    /// too. On a terminal progress is shown live, otherwise as JSON lines on standard error.
    Run(RunArguments),
    /// Check workflows and report every fault with its place; reads nothing but the files.
    Lint {
        /// Workflow files.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,

        /// Also check this value of a parameter; an example stands in for one that is required and not given.
        #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parameter)]
        parameters: Vec<(String, String)>,
    },
    /// Put workflow files into their common form, with their comments; names those that it has changed.
    ///
    /// What a file means is compared before and after; one that would change is left as it was.
    Fmt {
        /// Workflow files; `-` reads standard input and writes standard output.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,

        /// Change nothing; end with 1 when a file is not in its common form.
        #[arg(long)]
        check: bool,
    },
    /// Show what a run would do: steps, partitions, the guarantee of every route and its reason.
    Plan(PlanArguments),
    /// Show the first records after each step, with what it changes about the columns; nothing is written anywhere.
    ///
    /// Sources are read, and transformations that call a system call it. Ends with 1 when records have failed.
    Preview(PreviewArguments),
    /// Run the tests of workflows: given records go through the transformations, and what comes out is compared with what is
    /// expected. No source or destination is opened.
    ///
    /// The tests of `NAME.yaml` stand beside it in `NAME.test.yaml`:
    ///
    ///   tests:
    ///     - name: what is not paid is left out
    ///       variables: { REGION: EU }           # of the environment; also `parameters`, `secrets`, all three also for the whole file
    ///       inputs:                             # by source; a transformation takes records that come to it
    ///         orders:
    ///           schema: { total: "decimal(10,2)" }   # types as in `cast`, else as in JSON
    ///           records:
    ///             - { id: 1, total: "9.50", status: paid }
    ///             - { id: 2, total: "1.00", status: open }
    ///       expect:                             # by destination or step; `any_order: true` beside `records`
    ///         warehouse: [{ id: 1, total: "9.50" }]
    ///       dead_letters: [{ step: cents, code: overflow, record: { id: 7 } }]     # those that are not listed must not be
    ///       fails: { step: check, code: invalid_conversion }                       # instead: how a run would end
    ///       http:                               # servers; the variable has the address
    ///         CRM_URL:
    ///           - { method: POST, path: "/score?v=1", request: { headers: {}, body: {} }, times: 1,
    ///               response: { status: 200, headers: {}, body: { score: 9 } } }
    ///
    /// A field that is null and one that is missing are the same. Records of one source are one partition. A secret that is not
    /// given is its own name; tables of lookups are read. A request that no endpoint answers is answered with 404 and
    /// fails the test; one with `times` must be asked so often. Ends with 1 when a test has failed.
    /// With `--chaos` the workflow is crashed as well, and must neither lose nor double a record.
    #[command(verbatim_doc_comment)]
    Test(TestArguments),
    /// List the types of sources, transformations and destinations, or document one of them.
    Connectors {
        /// The type to document, such as `file`.
        #[arg(value_name = "TYPE")]
        name: Option<String>,
    },
    /// Print the reference of expressions: types, operators, every function with an example.
    Functions,
    /// Print the JSON Schema of workflow files, for editors.
    Schema,
    /// Explain an error code, such as E012; without a code, list all of them.
    Explain {
        /// The code.
        #[arg(value_name = "CODE")]
        code: Option<String>,
    },
    /// Show or reset how far runs have come: those of this machine, or with --server those of a cluster.
    #[command(subcommand)]
    Checkpoint(CheckpointCommand),
    /// Look at the records that runs have set aside, on this machine: list, count, show, export, replay, discard.
    #[command(subcommand)]
    Dlq(DlqCommand),
    /// Look after a cluster: its status, its nodes, its leader, its backups.
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// Look after the workflows of a cluster, and run them.
    #[command(subcommand)]
    Workflow(WorkflowCommand),
    /// Look at the runs of a cluster.
    #[command(subcommand)]
    Runs(RunsCommand),
    /// List the partitions of a run of a cluster: who has them, how far they have come, how much is left.
    Partitions(PartitionsArguments),
    /// Show records of a run live, as they leave a step or go into a destination, on all nodes.
    ///
    /// Every record is a line of JSON: node, source, partition, ordinal and the record. It only looks on: a run is never slowed,
    /// what cannot be shown at once is left out, and the end tells how much went by. A record that is read again after a
    /// failure goes by again. Ends with the run, after --limit records or with Ctrl-C; a paused run is waited for. With
    /// `--output json` the last line is the total.
    Tap(TapArguments),
    /// Show nodes, runs and partitions live: who does what, how fast, how far behind, what fails. Keys are shown below.
    Top(TopArguments),
    /// Tell whether the cluster, its nodes and its workflows are well; ends with exit code 1 when something does not work.
    Health(HealthArguments),
    /// Show the traces of a run as trees: what became of a batch, step by step, over all nodes, and how long it took.
    ///
    /// Every node keeps the last 1,000 spans of the last 16 runs in memory. The first batch of every run is traced, and a share of
    /// the others (`--tracing-sample` of a node).
    Trace(TraceArguments),
    /// Run a node of a cluster.
    #[command(subcommand)]
    Node(NodeCommand),
    /// Make the certificates with which nodes and tools know each other.
    #[command(subcommand)]
    Tls(TlsCommand),
    /// Print the completions of a shell, for example `actix-etl completions bash > /etc/bash_completion.d/actix-etl`.
    Completions {
        /// The shell.
        #[arg(value_enum)]
        shell: Shell,
    },
}

/// Where a workflow comes from and where its state is kept.
#[derive(Debug, Args)]
pub struct WorkflowArguments {
    /// The workflow file.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Where runs, ownership numbers, checkpoints and dead letters are kept [default: `.actix-etl` beside FILE].
    #[arg(long, env = "ACTIX_ETL_STATE_DIR", value_name = "DIR")]
    pub state_dir: Option<PathBuf>,

    /// The value of a parameter of the workflow; several may be given.
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parameter)]
    pub parameters: Vec<(String, String)>,

    /// Directory with one file per secret, named like it; `${secret:name}` is otherwise taken from the environment
    /// variable ACTIX_ETL_SECRET_NAME.
    #[arg(long, env = "ACTIX_ETL_SECRETS_DIR", value_name = "DIR")]
    pub secrets_dir: Option<PathBuf>,
}

/// A parameter as it stands on the command line; its value may hold anything, also nothing.
fn parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE, for example `day=2026-01-31`".to_owned()),
    }
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArguments {
    #[command(flatten)]
    pub workflow: WorkflowArguments,

    /// Abandon an interrupted run and start over; rows it has already appended somewhere stay there.
    #[arg(long)]
    pub restart: bool,

    /// Continue an interrupted run although the workflow has changed since.
    #[arg(long, conflicts_with = "restart")]
    pub accept_changes: bool,

    /// Go over to the file as it is now when the process gets SIGHUP.
    ///
    /// What has been read is committed, then the changed workflow goes on behind it, in the same run. A file that is not valid
    /// is told of and changes nothing.
    #[arg(long)]
    pub reload: bool,

    /// Memory the process should stay inside, whatever the width of the rows.
    #[arg(long, env = "ACTIX_ETL_MEMORY", default_value = "256MiB", value_name = "SIZE")]
    pub memory: ByteSize,

    /// Partitions worked on at the same time [default: the workflow's `parallelism`, or the number of cores].
    #[arg(long, value_name = "N")]
    pub parallelism: Option<NonZeroUsize>,

    /// Threads that decode, transform and encode [default: the number of cores].
    #[arg(long, value_name = "N")]
    pub workers: Option<NonZeroUsize>,

    /// The longest time a row waits for its commit [default: the workflow's `commit_interval`, or 1s].
    #[arg(long, value_name = "TIME")]
    pub commit_interval: Option<Span>,

    /// How long one call into a connector may take before its partition is killed and started again.
    #[arg(long, default_value = "10m", value_name = "TIME")]
    pub stall_timeout: Span,

    /// How progress is shown: live on a terminal and as JSON lines elsewhere (auto), or always the one or none.
    #[arg(long, value_enum, default_value_t = ProgressMode::Auto)]
    pub progress: ProgressMode,

    /// While it runs, tell /metrics, /healthz, /readyz and /health by HTTP at this loopback address, such as 127.0.0.1:9100.
    #[arg(long, value_name = "IP:PORT", value_parser = crate::http::loopback)]
    pub http_listen: Option<SocketAddr>,

    /// Send traces by OTLP over gRPC to a collector such as http://127.0.0.1:4317 [default: nowhere, or what
    /// OTEL_EXPORTER_OTLP_ENDPOINT says].
    #[arg(long, value_name = "URL")]
    pub otlp: Option<String>,

    /// The share of source batches that are traced, from 0 to 1; unless it is 0, the first one is [default: 0.01].
    #[arg(long, value_name = "SHARE")]
    pub trace_sample: Option<Share>,

    /// At the end show the last traces of the run as trees, on standard error.
    #[arg(long)]
    pub trace_tree: bool,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// Live on a terminal, JSON lines elsewhere.
    Auto,
    /// Live.
    Live,
    /// One JSON object a line.
    Json,
    /// Not at all.
    None,
}

/// Arguments of `preview`.
#[derive(Debug, Args)]
pub struct PreviewArguments {
    #[command(flatten)]
    pub workflow: WorkflowArguments,

    /// Show this source or transformation alone, with what comes to it.
    #[arg(long, value_name = "NAME")]
    pub step: Option<String>,

    /// Show what somebody with this role sees, where the workflow hides values from those who look on.
    #[arg(long, value_name = "NAME")]
    pub role: Option<String>,

    /// Records of each source.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub records: u64,
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub struct PlanArguments {
    #[command(flatten)]
    pub workflow: WorkflowArguments,

    /// Do not look at the sources: no partitions, no schema.
    #[arg(long)]
    pub offline: bool,
}
