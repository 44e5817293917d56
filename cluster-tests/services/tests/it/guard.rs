use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use etl_test_services::PostgresServer;
use rustix::process::{Pid, Signal, kill_process};

/// Set in the process that is killed by a test.
const IS_VICTIM: &str = "ETL_TEST_SERVICES_VICTIM";
/// The longest time the remains of a killed process may stay.
const PATIENCE: Duration = Duration::from_secs(30);

/// Not a test by itself: what [`Victim`] runs in a process of its own. It starts servers, tells of them, and waits
/// for its end.
#[test]
fn victim() {
    if std::env::var_os(IS_VICTIM).is_none() {
        return;
    }
    // On another thread, which ends at once: the servers must not end with it.
    let own = std::thread::spawn(|| {
        let _ = PostgresServer::shared();
        PostgresServer::start().unwrap()
    });
    let own = own.join().unwrap();
    for server in [PostgresServer::shared(), &own] {
        let data = server.psql("SHOW data_directory").unwrap();
        eprintln!("victim: {} {data}", server.process_id().unwrap());
    }
    eprintln!("victim: done");
    let _ = std::io::stdin().read_line(&mut String::new());
    // Without any destructor.
    std::process::exit(0);
}

/// A process with two servers.
struct Victim {
    process: Child,
    servers: Vec<(u32, PathBuf)>,
}

impl Victim {
    fn start() -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["guard::victim", "--exact", "--nocapture", "--test-threads=1"])
            .env(IS_VICTIM, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut servers = Vec::new();
        for line in BufReader::new(process.stderr.take().unwrap()).lines() {
            let line = line.unwrap();
            match line.strip_prefix("victim: ").and_then(|rest| rest.split_once(' ')) {
                Some((id, data)) => servers.push((id.parse().unwrap(), PathBuf::from(data))),
                None if line == "victim: done" => break,
                None => {}
            }
        }
        assert_eq!(servers.len(), 2);
        for (id, data) in &servers {
            assert!(is_postgres(*id) && data.is_dir());
        }
        Self { process, servers }
    }

    /// Waits until nothing of its servers is left.
    fn leaves_nothing(mut self) {
        self.process.wait().unwrap();
        let began = Instant::now();
        for (id, data) in self.servers {
            while is_postgres(id) || data.parent().unwrap().exists() {
                assert!(began.elapsed() < PATIENCE, "process {id} or {} is left behind", data.display());
                std::thread::yield_now();
            }
        }
    }
}

fn is_postgres(id: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|name| name.trim() == "postgres")
}

#[test]
fn a_killed_process_leaves_no_server_behind() {
    let mut victim = Victim::start();
    victim.process.kill().unwrap();
    victim.leaves_nothing();
}

#[test]
fn a_process_that_ends_without_destructors_leaves_no_server_behind() {
    let mut victim = Victim::start();
    drop(victim.process.stdin.take());
    victim.leaves_nothing();
}

#[test]
fn a_server_that_is_stopped_by_a_signal_ends_with_its_process() {
    let mut victim = Victim::start();
    for (id, _) in &victim.servers {
        kill_process(Pid::from_raw(i32::try_from(*id).unwrap()).unwrap(), Signal::STOP).unwrap();
    }
    victim.process.kill().unwrap();
    victim.leaves_nothing();
}

#[test]
fn a_server_ends_with_its_guard() {
    let server = PostgresServer::start().unwrap();
    let id = server.process_id().unwrap();
    let data = server.psql("SHOW data_directory").unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let parent = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(1).unwrap().parse().unwrap();
    kill_process(Pid::from_raw(parent).unwrap(), Signal::KILL).unwrap();
    let began = Instant::now();
    while is_postgres(id) {
        assert!(began.elapsed() < PATIENCE, "process {id} is left behind");
        std::thread::yield_now();
    }
    // Nobody else is left who would.
    std::fs::remove_dir_all(Path::new(&data).parent().unwrap()).unwrap();
}
