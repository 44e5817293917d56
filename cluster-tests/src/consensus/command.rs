use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use super::absence::without_leader;
use super::etcd::Etcd;
use super::figures::quantile_ms;
use super::group::{Clients, Group};
use super::growth;
use super::load::{Kind, VALUE, measure};
use super::replica::Replicas;
use super::report::{Changes, System, show};
use super::usage;
use super::workflows::Ours;
use crate::group::Error;

/// What to measure, and how long.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Seconds of each measurement.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    seconds: u64,
    /// Clients at the same time; may be given several times.
    #[arg(long, value_name = "N", default_values_t = [1, 16, 64])]
    clients: Vec<usize>,
    /// How often the leader is killed.
    #[arg(long, value_name = "N", default_value_t = 30)]
    kills: u32,
    /// What a member that joins has to get.
    #[arg(long, value_name = "MIB", default_value_t = 64)]
    state: u64,
    /// Writes behind a member that is started again.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    entries: u64,
    /// Without etcd beside it.
    #[arg(long)]
    alone: bool,
    /// Where the members have their data [default: the system's temporary directory].
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// One JSON document instead of tables.
    #[arg(long)]
    json: bool,
}

/// Members of both systems.
const MEMBERS: u8 = 3;
/// The longest that idle members are watched.
const IDLE: Duration = Duration::from_secs(10);
/// A key of the measurements under load.
const SMALL: u64 = 0;
/// Keys that are written again and again.
const KEYS: u64 = 1_000;

/// Measures and prints.
pub fn run(args: &Args) -> ExitCode {
    let measured = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Error::from)
        .and_then(|runtime| runtime.block_on(all(args)));
    match measured {
        Ok(systems) => {
            show(&systems, args.json);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(3)
        }
    }
}

async fn all(args: &Args) -> Result<Vec<System>, Error> {
    let scratch = match &args.scratch {
        Some(parent) => tempfile::tempdir_in(parent)?,
        None => tempfile::tempdir()?,
    };
    let mut systems = Vec::new();
    if !args.alone {
        let mut three = Etcd::found(&directory(scratch.path(), "etcd-3")?, MEMBERS).await?;
        let mut system = under_load("etcd", args, &mut three).await?;
        let changes = changes(args, &mut three).await?;
        drop(three);
        let mut one = Etcd::found(&directory(scratch.path(), "etcd-1")?, 1).await?;
        system.changes = Some(Changes { start_up_ms: start_up(args, &mut one).await?, ..changes });
        systems.push(system);
    }
    let mut three = Replicas::found(&directory(scratch.path(), "replicas-3")?, MEMBERS).await?;
    systems.push(under_load("etl-raft alone", args, &mut three).await?);
    drop(three);
    let mut three = Ours::found(&directory(scratch.path(), "ours-3")?, MEMBERS).await?;
    let mut system = under_load("actix-etl", args, &mut three).await?;
    let changes = changes(args, &mut three).await?;
    drop(three);
    let mut one = Ours::found(&directory(scratch.path(), "ours-1")?, 1).await?;
    system.changes = Some(Changes { start_up_ms: start_up(args, &mut one).await?, ..changes });
    systems.push(system);
    Ok(systems)
}

fn directory(parent: &Path, name: &str) -> Result<PathBuf, Error> {
    let path = parent.join(name);
    fs::create_dir(&path).map_err(Error::file(&path))?;
    Ok(path)
}

/// Idle members, writes and reads.
async fn under_load(name: &'static str, args: &Args, group: &mut dyn Clients) -> Result<System, Error> {
    let (warm_up, time) = (Duration::from_secs(1), Duration::from_secs(args.seconds));
    let processes = group.processes()?;
    let mut system =
        System { name, idle: Some(usage::over(time.min(IDLE), &processes).await), ..System::default() };
    for &count in &args.clients {
        for kind in [Kind::Write, Kind::Read] {
            let member = |number: usize| 1 + (number % usize::from(MEMBERS)) as u8;
            let clients =
                (0..count).map(|number| group.client(member(number))).collect::<Result<Vec<_>, _>>()?;
            let load = measure(kind, clients, warm_up, time);
            let (figure, used) = tokio::join!(load, usage::over(warm_up + time, &processes));
            let figure = figure.map_err(Error::Unexpected)?;
            match kind {
                Kind::Write => {
                    system.writes.push(figure);
                    system.loaded = Some(used);
                }
                Kind::Read => system.reads.push(figure),
            }
        }
    }
    Ok(system)
}

/// All but the start-up.
async fn changes(args: &Args, group: &mut dyn Group) -> Result<Changes, Error> {
    let mut times = without_leader(group, MEMBERS, args.kills).await?;
    let join_ms = growth::join(group, MEMBERS + 1, SMALL).await?.as_secs_f64() * 1e3;
    let last = growth::fill(group, args.state).await?;
    let join_large_ms = growth::join(group, MEMBERS + 2, last).await?.as_secs_f64() * 1e3;
    Ok(Changes {
        without_leader_p50_ms: quantile_ms(&mut times, 0.50),
        without_leader_p99_ms: quantile_ms(&mut times, 0.99),
        join_ms,
        join_large_ms,
        start_up_ms: 0.0,
    })
}

async fn start_up(args: &Args, group: &mut dyn Group) -> Result<f64, Error> {
    growth::write(group, args.entries, VALUE, |number| number % KEYS).await?;
    Ok(growth::restart(group, 1, SMALL).await?.as_secs_f64() * 1e3)
}
