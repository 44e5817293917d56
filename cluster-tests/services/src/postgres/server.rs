use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::access::{Access, quoted};
use super::builder::PostgresBuilder;
use super::certificates::Certificates;
use super::database::Database;
use crate::ServiceError;
use crate::guard::{GLANCE, Guard};

/// The longest time a start may take; a crash recovery is part of it.
const START: Duration = Duration::from_secs(120);
/// The longest time a stop may take; a checkpoint is part of a fast one.
const STOP: Duration = Duration::from_secs(120);
/// Bytes of the log that an error carries.
const LOG_TAIL: usize = 4000;
/// The line of `postmaster.pid` with the state, counted from 0.
const STATE_LINE: usize = 7;

/// A private PostgreSQL: stopped, with its data removed, when dropped and when this process dies.
#[derive(Debug)]
pub struct PostgresServer {
    pub(super) access: Access,
    pub(super) certificates: Option<Certificates>,
    pub(super) root: PathBuf,
    pub(super) pg_basebackup: Option<PathBuf>,
    guard: Mutex<Guard>,
    databases: AtomicU64,
}

impl PostgresServer {
    pub(super) fn new(
        access: Access,
        root: PathBuf,
        guard: Guard,
        certificates: Option<Certificates>,
        pg_basebackup: Option<PathBuf>,
    ) -> Self {
        let (guard, databases) = (Mutex::new(guard), AtomicU64::new(0));
        Self { access, certificates, root, pg_basebackup, guard, databases }
    }

    /// Settings of a server, to be changed before it starts.
    pub fn builder() -> PostgresBuilder {
        PostgresBuilder::default()
    }

    /// Starts a server for tests.
    ///
    /// # Errors
    /// As [`PostgresBuilder::start`].
    pub fn start() -> Result<Self, ServiceError> {
        Self::builder().start()
    }

    /// The server of this process, started when first asked for. A test that stops or changes a server starts one
    /// of its own.
    ///
    /// # Panics
    /// When it cannot be started: a test without its server fails.
    #[allow(clippy::panic)]
    pub fn shared() -> &'static Self {
        // Never dropped; the guard ends it with the process.
        static SHARED: LazyLock<PostgresServer> = LazyLock::new(|| match PostgresServer::start() {
            Ok(server) => server,
            Err(error) => panic!("{error}"),
        });
        &SHARED
    }

    /// `127.0.0.1`.
    pub fn host(&self) -> &str {
        Access::HOST
    }

    /// The port it listens on, which stays the same when it is started again.
    pub fn port(&self) -> u16 {
        self.access.port
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.access.port).into()
    }

    /// The superuser.
    pub fn username(&self) -> &str {
        Access::USER
    }

    /// The superuser's password.
    pub fn password(&self) -> &str {
        &self.access.password
    }

    /// `postgres://USER:PASSWORD@HOST:PORT/postgres`.
    pub fn url(&self) -> String {
        self.access.url("postgres")
    }

    /// The certificate of the authority that issued the server's, in PEM; `None` without TLS.
    pub fn ca_file(&self) -> Option<&Path> {
        self.certificates.as_ref().map(|made| made.authority.as_path())
    }

    /// The certificate and the key of a client that is the superuser, from the same authority, in PEM; `None` without
    /// TLS.
    pub fn client_certificate(&self) -> Option<(&Path, &Path)> {
        let made = self.certificates.as_ref()?;
        Some((made.client_certificate.as_path(), made.client_key.as_path()))
    }

    /// Makes every commit wait until a standby has it, too, and returns when one follows.
    pub fn follow_synchronously(&self) -> Result<(), ServiceError> {
        self.psql("ALTER SYSTEM SET synchronous_standby_names = '*'")?;
        self.psql("SELECT pg_reload_conf()")?;
        let began = Instant::now();
        while self.psql("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")? == "0" {
            if began.elapsed() > START {
                return Err(ServiceError::TimedOut {
                    what: "a synchronous standby".to_owned(),
                    limit: START,
                });
            }
            std::thread::sleep(GLANCE);
        }
        Ok(())
    }

    /// Makes a standby the primary and returns when it takes writes.
    pub fn promote(&self) -> Result<(), ServiceError> {
        let limit = START.as_secs();
        match self.psql(&format!("SELECT pg_promote(true, {limit})"))?.as_str() {
            "t" => Ok(()),
            _ => Err(ServiceError::TimedOut { what: "the promotion of a standby".to_owned(), limit: START }),
        }
    }

    /// Where `psql` is, for a connection of the caller's own making.
    pub fn psql_program(&self) -> &Path {
        &self.access.psql
    }

    /// Runs statements in the database `postgres`; see [`Database::psql`].
    pub fn psql(&self, sql: &str) -> Result<String, ServiceError> {
        self.access.run("postgres", sql)
    }

    /// Makes a database with this name, whatever characters it has.
    pub fn database(&self, name: &str) -> Result<Database, ServiceError> {
        self.psql(&format!("CREATE DATABASE {}", quoted(name)))?;
        Ok(Database::new(self.access.clone(), name.to_owned()))
    }

    /// Makes an empty database with a name of its own.
    pub fn fresh_database(&self) -> Result<Database, ServiceError> {
        self.database(&format!("fresh_{}", self.databases.fetch_add(1, Ordering::Relaxed)))
    }

    /// Crashes the server: open transactions and everything not yet written are lost, as by `pg_ctl -m immediate`.
    pub fn stop_immediate(&self) -> Result<(), ServiceError> {
        self.guard().stop("QUIT", STOP)
    }

    /// Ends all connections and stops the server in good order, as by `pg_ctl -m fast`.
    pub fn stop_fast(&self) -> Result<(), ServiceError> {
        self.guard().stop("INT", STOP)
    }

    /// Starts a stopped server on the same port and waits until it accepts connections.
    pub fn start_again(&self) -> Result<(), ServiceError> {
        let mut guard = self.guard();
        let id = guard.start()?;
        let began = Instant::now();
        while !self.is_ready(id) {
            if let Some(status) = guard.ended()? {
                let log = self.log()?;
                let tail = log.char_indices().rev().nth(LOG_TAIL).map_or(0, |(at, _)| at);
                let log = log.get(tail..).unwrap_or_default().to_owned();
                return Err(ServiceError::Ended { server: "PostgreSQL", status: status.to_string(), log });
            }
            if began.elapsed() > START {
                return Err(ServiceError::TimedOut {
                    what: "the start of PostgreSQL".to_owned(),
                    limit: START,
                });
            }
            std::thread::sleep(GLANCE);
        }
        // Proves that whoever answers on the port is this server.
        let answered = self.psql("SHOW data_directory")?;
        match Path::new(&answered) == self.root.join("data") {
            true => Ok(()),
            false => Err(ServiceError::Refused(format!("another server, of {answered}, has the port"))),
        }
    }

    /// Stops the server in good order and starts it again.
    pub fn restart(&self) -> Result<(), ServiceError> {
        self.stop_fast()?;
        self.start_again()
    }

    /// The process id of the server, unless it is stopped.
    pub fn process_id(&self) -> Option<u32> {
        self.guard().server()
    }

    /// What the server has logged.
    pub fn log(&self) -> Result<String, ServiceError> {
        let path = self.root.join("log");
        let bytes = fs::read(&path).map_err(ServiceError::at(&path))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn guard(&self) -> MutexGuard<'_, Guard> {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the process with this id says that it accepts connections. The file may still be that of an earlier
    /// process which crashed.
    fn is_ready(&self, id: u32) -> bool {
        let state = fs::read_to_string(self.root.join("data/postmaster.pid")).unwrap_or_default();
        let lines: Vec<&str> = state.lines().map(str::trim).collect();
        lines.first() == Some(&id.to_string().as_str()) && lines.get(STATE_LINE) == Some(&"ready")
    }
}
