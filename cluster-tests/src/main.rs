//! Every claim of the product as a command: it starts what it needs, prints a table, and fails when a record was lost
//! or doubled or a fault did not bite.

mod bench;
mod consensus;
mod group;
mod hazards;
mod linearizability;
mod node_under_test;
mod oracle;
mod overhead;
mod power;
mod relay;
mod scale;
mod takeover;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Proves and measures what actix-etl promises.
#[derive(Debug, Parser)]
#[command(name = "cluster-tests", version)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Crash real runs at every named point and at random moments; count lost, doubled and altered records.
    Oracle(oracle::Args),
    /// Measure throughput, memory and start-up beside the physical limits of the machine.
    Bench(bench::Args),
    /// Measure every transformation on one thread, beside DuckDB and Polars where they do the same.
    Transforms(bench::TransformsArgs),
    /// Measure what agreement costs: writes, reads, idle members, time without a leader, beside etcd.
    Consensus(consensus::Args),
    /// Let clients write, compare-and-set and read on all members while faults strike; check what they saw.
    Linearizability(linearizability::Args),
    /// Cut the power of a node's disk at random moments; what was acknowledged must be there after it.
    Power(power::Args),
    /// Lose, fill and falsify disks, restart, upgrade, grow, shrink, restore and recover groups that clients write to.
    Hazards(hazards::Args),
    /// Kill, pause, drain and cut nodes that share the partitions of a run; count lost, doubled and altered records.
    Takeover(takeover::Args),
    /// Measure what relaying rows to a step of another node costs, beside a bare gRPC stream and a bare socket.
    Relay(relay::Args),
    /// Measure what metrics and traces cost a run at full throughput.
    Overhead(overhead::Args),
    /// Measure how throughput grows with nodes, and what ten thousand partitions and a thousand workflows cost.
    Scale(scale::Args),
    /// Be a member of a Raft group and nothing else.
    #[command(hide = true)]
    Replica(consensus::ReplicaArgs),
    /// Be the process that is killed: `actix-etl` with crash points.
    #[command(hide = true)]
    NodeUnderTest {
        /// Arguments of `actix-etl`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    match CommandLine::parse().command {
        Command::Oracle(args) => oracle::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Transforms(args) => bench::run_transforms(&args),
        Command::Consensus(args) => consensus::run(&args),
        Command::Linearizability(args) => linearizability::run(&args),
        Command::Power(args) => power::run(&args),
        Command::Hazards(args) => hazards::run(&args),
        Command::Takeover(args) => takeover::run(&args),
        Command::Relay(args) => relay::run(&args),
        Command::Overhead(args) => overhead::run(&args),
        Command::Scale(args) => scale::run(&args),
        Command::Replica(args) => consensus::run_replica(&args),
        Command::NodeUnderTest { arguments } => node_under_test::run(arguments),
    }
}
