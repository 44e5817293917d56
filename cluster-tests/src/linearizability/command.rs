use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use etl_proto::admin::{Consistency, GetWorkflowHistoryRequest};

use super::history::History;
use super::nemesis::{self, Bites, Fault};
use super::report::Report;
use super::workload::{Workload, text};
use crate::group::{Addresses, Client, Error, Members, Namespaces};

/// What to prove, and how hard to try.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A quick pass: every fault that needs no namespaces, once.
    #[arg(long)]
    short: bool,
    /// Members of the group.
    #[arg(long, value_name = "N", default_value_t = 3)]
    members: u8,
    /// Concurrent clients.
    #[arg(long, value_name = "N", default_value_t = 8)]
    clients: usize,
    /// How often every fault strikes [default: 10; short: 1].
    #[arg(long, value_name = "N")]
    rounds: Option<u32>,
    /// Where everything random comes from; printed with the result.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Where the members have their data [default: the system's temporary directory].
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// One JSON document instead of a table.
    #[arg(long)]
    json: bool,
}

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Carries out the proof and prints it; fails when a write was lost, a history is not linearizable or a fault did not bite.
pub fn run(args: &Args) -> ExitCode {
    if !args.short && !Namespaces::is_inside() {
        return match Namespaces::enter() {
            Ok(0) => ExitCode::SUCCESS,
            Ok(_) => ExitCode::FAILURE,
            Err(error) => failed(&error),
        };
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    match runtime.block_on(prove(args)) {
        Ok(report) => {
            if args.json {
                println!("{}", serde_json::json!(report));
            } else {
                report.show();
            }
            if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => failed(&error),
    }
}

fn failed(error: &Error) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::from(3)
}

async fn prove(args: &Args) -> Result<Report, Error> {
    let mut random = fastrand::Rng::with_seed(args.seed);
    let scratch = match &args.scratch {
        Some(parent) => tempfile::tempdir_in(parent)?,
        None => tempfile::tempdir()?,
    };
    let (addresses, network) = if args.short {
        (Addresses::loopback(&mut fastrand::Rng::new()), None)
    } else {
        let network = Namespaces::lay_out(args.members)?;
        (network.addresses(), Some(network))
    };
    let mut members =
        Members::new(scratch.path(), addresses, network, Vec::new()).found(args.members).await?;
    let clients = (1..=args.members).map(|member| members.client(member, PATIENCE));
    let clients: Vec<Client> = clients.collect::<Result<_, _>>()?;

    let began = Instant::now();
    let mut report = Report { seed: args.seed, members: args.members, ..Report::default() };
    let workload = Workload::start(args.clients, &clients, args.seed);
    let mut bites = Bites::default();
    for _ in 0..args.rounds.unwrap_or(if args.short { 1 } else { 10 }) {
        let mut faults: Vec<Fault> =
            Fault::ALL.into_iter().filter(|fault| !(args.short && fault.needs_network())).collect();
        random.shuffle(&mut faults);
        for fault in faults {
            let before = workload.answered();
            nemesis::strike(&mut members, fault, &mut bites).await?;
            report.stuck += u64::from(!answers_again(&workload, before).await);
        }
    }
    let history = workload.finish().await?;
    report.bites = bites;
    report.findings = history.check();
    look_for_writes(&mut members, &history, &mut report).await?;
    report.seconds = began.elapsed().as_secs_f64();
    Ok(report)
}

/// Whether clients get answers after a fault.
async fn answers_again(workload: &Workload, before: u64) -> bool {
    let began = Instant::now();
    while workload.answered() < before + 50 {
        if began.elapsed() > Duration::from_secs(20) {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    true
}

/// Looks for every acknowledged write at the version it was told, on every member.
async fn look_for_writes(members: &mut Members, history: &History, report: &mut Report) -> Result<(), Error> {
    for member in members.running().collect::<Vec<_>>() {
        let mut client = members.client(member, Duration::from_secs(10))?;
        for (key, acknowledged) in history.acknowledged() {
            let request = GetWorkflowHistoryRequest {
                name: key.to_owned(),
                consistency: Consistency::Linearizable.into(),
            };
            let answer = client.admin().get_workflow_history(request).await;
            let versions = match answer {
                Ok(answer) => answer.into_inner().versions,
                Err(status) if status.code() == tonic::Code::NotFound => Vec::new(),
                Err(status) => return Err(Error::Unexpected(format!("history of {key}: {status}"))),
            };
            for write in acknowledged {
                let hash = hash_of(key, write.value);
                let found = versions.iter().any(|each| each.version == write.version && each.hash == hash);
                report.looked_for += 1;
                report.lost += u64::from(!found);
            }
        }
    }
    Ok(())
}

fn hash_of(key: &str, value: u64) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(crate::group::document(key, &text(value)).as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
