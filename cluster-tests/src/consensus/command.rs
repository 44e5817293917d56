use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use comfy_table::Table;
use etl_proto::admin::Consistency;

use super::etcd::Etcd;
use super::figures::{Figure, quantile_ms};
use super::load::{Kind, measure};
use super::register::Register;
use super::usage::{self, Usage};
use crate::group::{Addresses, Client, Error, Members};

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
/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Default, serde::Serialize)]
struct System {
    name: &'static str,
    writes: Vec<Figure>,
    reads: Vec<Figure>,
    idle: Option<Usage>,
    loaded: Option<Usage>,
}

#[derive(Debug, serde::Serialize)]
struct Results {
    systems: Vec<System>,
    /// From SIGKILL of the leader to the first write that another member acknowledges.
    without_leader_p50_ms: f64,
    without_leader_p99_ms: f64,
    kills: u32,
}

struct Workflows(Client);

#[async_trait]
impl Register for Workflows {
    async fn write(&mut self, key: u64, value: &[u8]) -> Result<(), String> {
        let text = String::from_utf8_lossy(value);
        self.0
            .put(&format!("k{key}"), &text, None)
            .await
            .map(|_| ())
            .map_err(|failure| format!("{failure:?}"))
    }

    async fn read(&mut self, key: u64) -> Result<(), String> {
        let found = self.0.get(&format!("k{key}"), Consistency::Linearizable).await;
        found.map(|_| ()).map_err(|failure| format!("{failure:?}"))
    }
}

/// Measures and prints.
pub fn run(args: &Args) -> ExitCode {
    let measured = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Error::from)
        .and_then(|runtime| runtime.block_on(all(args)));
    match measured {
        Ok(results) => {
            show(&results, args.json);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(3)
        }
    }
}

async fn all(args: &Args) -> Result<Results, Error> {
    let scratch = match &args.scratch {
        Some(parent) => tempfile::tempdir_in(parent)?,
        None => tempfile::tempdir()?,
    };
    let time = Duration::from_secs(args.seconds);
    let mut systems = Vec::new();
    if !args.alone {
        let etcd = Etcd::start(scratch.path()).await?;
        let processes: Vec<u32> = etcd.processes().collect();
        let client = |number: usize| -> Result<Box<dyn Register>, Error> {
            Ok(Box::new(etcd.client(1 + (number % usize::from(MEMBERS)) as u8)?))
        };
        systems.push(system("etcd", args, time, &processes, client).await?);
    }
    let addresses = Addresses::loopback(&mut fastrand::Rng::new());
    let mut members =
        Members::new(&scratch.path().join("ours"), addresses, None, Vec::new()).found(MEMBERS).await?;
    let mut processes = Vec::new();
    for member in 1..=MEMBERS {
        processes.push(members.process(member)?.id());
    }
    let client = |number: usize| -> Result<Box<dyn Register>, Error> {
        Ok(Box::new(Workflows(members.client(1 + (number % usize::from(MEMBERS)) as u8, PATIENCE)?)))
    };
    systems.push(system("actix-etl", args, time, &processes, client).await?);
    let mut times = without_leader(&mut members, args.kills).await?;
    let [without_leader_p50_ms, without_leader_p99_ms] =
        [0.5, 0.99].map(|rank| quantile_ms(&mut times, rank));
    Ok(Results { systems, without_leader_p50_ms, without_leader_p99_ms, kills: args.kills })
}

async fn system(
    name: &'static str,
    args: &Args,
    time: Duration,
    processes: &[u32],
    client: impl Fn(usize) -> Result<Box<dyn Register>, Error>,
) -> Result<System, Error> {
    let warm_up = Duration::from_secs(1);
    let idle = Some(usage::over(time.min(Duration::from_secs(10)), processes).await);
    let mut system = System { name, idle, ..System::default() };
    for &count in &args.clients {
        for kind in [Kind::Write, Kind::Read] {
            let clients = (0..count).map(&client).collect::<Result<Vec<_>, _>>()?;
            let load = measure(kind, clients, warm_up, time);
            let (figure, used) = tokio::join!(load, usage::over(warm_up + time, processes));
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

/// Kills the leader again and again; each time how long until another member acknowledges a write.
async fn without_leader(members: &mut Members, kills: u32) -> Result<Vec<Duration>, Error> {
    let mut times = Vec::new();
    for kill in 0..kills {
        let leader = members.leader().await?;
        let others: Vec<u8> = members.running().filter(|&member| member != leader).collect();
        let mut clients = others
            .iter()
            .map(|&member| members.client(member, Duration::from_millis(500)))
            .collect::<Result<Vec<_>, _>>()?;
        members.kill(leader)?;
        let began = Instant::now();
        let mut attempt = 0_usize;
        loop {
            let client = &mut clients[attempt % others.len()];
            if client.put("after", &format!("kill {kill} attempt {attempt}"), None).await.is_ok() {
                break;
            }
            if began.elapsed() > Duration::from_secs(30) {
                return Err(Error::Unexpected("nobody leads after 30 s".to_owned()));
            }
            attempt += 1;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        times.push(began.elapsed());
        members.start(leader)?;
        let all = usize::from(MEMBERS);
        members
            .wait_for("the killed member is back", move |status| {
                crate::group::voters(status).count() == all
                    && status.nodes.iter().all(|node| node.lag.is_none_or(|lag| lag < 100))
            })
            .await?;
    }
    Ok(times)
}

fn show(results: &Results, json: bool) {
    if json {
        println!("{}", serde_json::json!(results));
        return;
    }
    let mut table = Table::new();
    table.set_header(["", "clients", "per second", "p50 ms", "p99 ms"]);
    for system in &results.systems {
        for (kind, figures) in [("writes", &system.writes), ("reads", &system.reads)] {
            for figure in figures {
                table.add_row([
                    format!("{} {kind}", system.name),
                    figure.clients.to_string(),
                    format!("{:.0}", figure.per_second),
                    format!("{:.2}", figure.p50_ms),
                    format!("{:.2}", figure.p99_ms),
                ]);
            }
        }
    }
    println!("{table}");
    let list = |numbers: &[f64]| numbers.iter().map(|n| format!("{n:.2}")).collect::<Vec<_>>().join(", ");
    for system in &results.systems {
        for (when, used) in [("idle", &system.idle), ("loaded", &system.loaded)] {
            if let Some(used) = used {
                let (cores, memory) = (list(&used.cores), list(&used.memory_mib));
                println!("{} {when}: {cores} cores, {memory} MiB", system.name);
            }
        }
    }
    println!(
        "without a leader after SIGKILL: p50 {:.0} ms, p99 {:.0} ms of {}",
        results.without_leader_p50_ms, results.without_leader_p99_ms, results.kills
    );
}
