use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use etl_proto::admin::Consistency;

use super::disk::{Damage, Ignored};
use super::filesystem::Mounted;
use super::report::{Control, Report};
use crate::group::{Addresses, Client, Error, Failure, Members};

/// What to prove, and how hard to try.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Cuts of the power [default: 500; short: 15].
    #[arg(long, value_name = "N")]
    cuts: Option<u32>,
    /// A quick pass.
    #[arg(long)]
    short: bool,
    /// Without the control runs, in which a sync is left out and something must be lost.
    #[arg(long)]
    no_controls: bool,
    /// Where everything random comes from; printed with the result.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Where the disk is mounted [default: the system's temporary directory].
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// One JSON document instead of a table.
    #[arg(long)]
    json: bool,
}

/// Clients that write at the same time.
const CLIENTS: usize = 4;
/// Keys, each with one writer at a time, so that the last acknowledged value is known.
const KEYS: u64 = CLIENTS as u64;
/// Cuts after which a control run in which nothing was lost is given up.
const CONTROL_CUTS: u32 = 60;
/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the writer of a key knows of it.
#[derive(Debug, Clone, Default)]
struct Known {
    /// The last version that was acknowledged, with its text.
    acknowledged: Option<(u64, String)>,
    writes: u64,
}

type Ledger = Arc<Mutex<BTreeMap<u64, Known>>>;

/// Carries out the proof and prints it; fails when an acknowledged write was lost or a control run lost none.
pub fn run(args: &Args) -> ExitCode {
    let proven = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Error::from)
        .and_then(|runtime| runtime.block_on(prove(args)));
    match proven {
        Ok(report) => {
            if args.json {
                println!("{}", serde_json::json!(report));
            } else {
                report.show();
            }
            if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(3)
        }
    }
}

async fn prove(args: &Args) -> Result<Report, Error> {
    let cuts = args.cuts.unwrap_or(if args.short { 15 } else { 500 });
    let mut report = campaign(args, Ignored::None, cuts).await?;
    if !args.no_controls {
        for (name, ignored) in
            [("no sync at all", Ignored::All), ("no sync of state and snapshots", Ignored::OfState)]
        {
            let control = campaign(args, ignored, CONTROL_CUTS).await?;
            report.controls.push(Control {
                name,
                cuts: control.cuts,
                damaged: control.lost + control.refused_to_start,
            });
        }
    }
    Ok(report)
}

/// Cuts the power so many times, or until a control run has shown damage.
async fn campaign(args: &Args, ignored: Ignored, cuts: u32) -> Result<Report, Error> {
    let scratch = match &args.scratch {
        Some(parent) => tempfile::tempdir_in(parent)?,
        None => tempfile::tempdir()?,
    };
    let mut random = fastrand::Rng::with_seed(args.seed);
    let disk = Mounted::new(&scratch.path().join("disk"), ignored)?;
    let addresses = Addresses::loopback(&mut fastrand::Rng::new());
    // Snapshots and purges happen often, so that power is also lost in the middle of them.
    let often = ["--raft-snapshot-after", "40", "--raft-keep-entries", "5"].map(str::to_owned).to_vec();
    let root = scratch.path().join("disk");
    let mut members = Members::new(&root, addresses, None, often).with_logs_in(scratch.path());
    let mut report = Report { seed: args.seed, ..Report::default() };
    let began = Instant::now();
    let ledger = Ledger::default();
    for _ in 0..cuts {
        members.start(1)?;
        if let Err(error) = members.wait_for("it leads again", |status| status.leader != 0).await {
            if ignored == Ignored::None {
                return Err(error);
            }
            report.refused_to_start += 1;
            report.cuts += 1;
            break;
        }
        report.lost += missing(&members.client(1, PATIENCE)?, &ledger).await?;
        if report.lost > 0 && ignored != Ignored::None {
            break;
        }
        let damage = one_cut(&mut members, &disk, &ledger, &mut random).await?;
        report.add(damage);
        report.cuts += 1;
    }
    if report.refused_to_start == 0 {
        members.start(1)?;
        match members.wait_for("it leads again", |status| status.leader != 0).await {
            Ok(_) => report.lost += missing(&members.client(1, PATIENCE)?, &ledger).await?,
            Err(error) if ignored == Ignored::None => return Err(error),
            Err(_) => report.refused_to_start += 1,
        }
    }
    let ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
    report.acknowledged = ledger.values().filter_map(|known| Some(known.acknowledged.as_ref()?.0)).sum();
    report.seconds = began.elapsed().as_secs_f64();
    drop(members);
    disk.unmount()?;
    Ok(report)
}

/// Clients write until the power goes at a random moment.
async fn one_cut(
    members: &mut Members,
    disk: &Mounted,
    ledger: &Ledger,
    random: &mut fastrand::Rng,
) -> Result<Damage, Error> {
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = Vec::new();
    for key in 0..KEYS {
        let (client, ledger, stop) = (members.client(1, PATIENCE)?, Arc::clone(ledger), Arc::clone(&stop));
        writers.push(tokio::spawn(write_on(client, key, ledger, stop)));
    }
    tokio::time::sleep(Duration::from_micros(random.u64(0..120_000))).await;
    disk.power_off();
    members.kill(1)?;
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.map_err(|error| Error::Unexpected(error.to_string()))?;
    }
    Ok(disk.power_on(random))
}

async fn write_on(mut client: Client, key: u64, ledger: Ledger, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let text = {
            let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
            let known = ledger.entry(key).or_default();
            known.writes += 1;
            // Up to some kilobytes, so that writes are torn.
            format!("{} {}", known.writes, "x".repeat((known.writes % 7 * 700) as usize))
        };
        match client.put(&format!("k{key}"), &text, None).await {
            Ok(version) => {
                let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
                ledger.entry(key).or_default().acknowledged = Some((version, text));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(2)).await,
        }
    }
}

/// How many keys do not have what was acknowledged last, or something newer.
async fn missing(client: &Client, ledger: &Ledger) -> Result<u64, Error> {
    let known = ledger.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut missing = 0;
    for (key, known) in known {
        let Some((version, text)) = known.acknowledged else { continue };
        let name = format!("k{key}");
        let found = crate::group::retry(Duration::from_secs(10), || {
            let (mut client, name) = (client.clone(), name.clone());
            async move { client.get(&name, Consistency::Linearizable).await }
        });
        let found = found.await.map_err(|failure: Failure| Error::Unexpected(format!("{failure:?}")))?;
        let is_there = found.is_some_and(|(found, is)| found > version || (found == version && is == text));
        missing += u64::from(!is_there);
    }
    Ok(missing)
}
