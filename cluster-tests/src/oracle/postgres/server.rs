use std::cell::OnceCell;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use etl_test_services::{Database, Durability, PostgresServer, Proxy};

use crate::oracle::error::Error;

/// Ends once no client but this one is connected: what a dead process has asked for is done then, or never will be.
const SETTLED: &str = "DO $$
DECLARE
    began timestamptz := clock_timestamp();
BEGIN
    LOOP
        PERFORM pg_stat_clear_snapshot();
        EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid());
        IF clock_timestamp() > began + interval '30 seconds' THEN
            RAISE EXCEPTION 'connections of dead processes are still open';
        END IF;
        PERFORM pg_sleep(0.001);
    END LOOP;
END $$;";

/// Ends the connections of processes that have not let go.
const ALONE: &str = "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity \
                     WHERE backend_type = 'client backend' AND pid <> pg_backend_pid();";

/// The servers that cells need, started when the first of them is asked for.
#[derive(Default)]
pub struct Services(OnceCell<Postgres>);

impl Services {
    /// PostgreSQL behind a proxy.
    pub fn postgres(&self) -> Result<&Postgres, Error> {
        if let Some(started) = self.0.get() {
            return Ok(started);
        }
        let started = Postgres::start()?;
        Ok(self.0.get_or_init(|| started))
    }
}

/// A private server with one database. Nodes reach it through a proxy, the oracle itself directly.
pub struct Postgres {
    database: Database,
    pub proxy: Proxy,
    // Stopped when dropped, after the proxy.
    pub server: PostgresServer,
}

impl Postgres {
    fn start() -> Result<Self, Error> {
        let server = PostgresServer::builder()
            .durability(Durability::On)
            // A crash is to be over soon.
            .setting("shared_buffers = 64MB")
            .start()?;
        let database = server.database("oracle")?;
        let proxy = Proxy::start(server.address())?;
        Ok(Self { database, proxy, server })
    }

    /// Where nodes find the database.
    pub fn url(&self) -> String {
        self.database.url_via(self.proxy.address())
    }

    /// Runs statements and commands of `psql`.
    pub fn run(&self, sql: &str) -> Result<String, Error> {
        Ok(self.database.psql(sql)?)
    }

    /// The same once every process that has ended is gone from the server, too.
    pub fn run_settled(&self, sql: &str) -> Result<String, Error> {
        self.run(&format!("{SETTLED}\n{sql}"))
    }

    /// The same after the connections of all processes have been ended.
    pub fn run_alone(&self, sql: &str) -> Result<String, Error> {
        self.run(&format!("\\o /dev/null\n{ALONE}\n\\o\n{SETTLED}\n{sql}"))
    }

    /// A number.
    pub fn count(&self, sql: &str) -> Result<u64, Error> {
        let answer = self.run(sql)?;
        answer.parse().map_err(|_| Error::Unexpected(format!("`{answer}` is not a number: {sql}")))
    }

    /// The lines that a query with one column answers with.
    pub fn lines(&self, sql: &str, each: &mut dyn FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
        let mut child = self
            .database
            .psql_command()
            .args(["-q", "-A", "-t", "-v", "FETCH_COUNT=2000", "-c", sql])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let Some(stdout) = child.stdout.take() else {
            return Err(Error::Unexpected("psql has no output".to_owned()));
        };
        let mut lines = BufReader::new(stdout);
        let mut line = Vec::new();
        let mut read = || -> Result<(), Error> {
            while lines.read_until(b'\n', &mut line)? > 0 {
                each(&line)?;
                line.clear();
            }
            Ok(())
        };
        let read = read();
        if read.is_err() {
            // It may wait for somebody to read on.
            let _ = child.kill();
        }
        let status = child.wait()?;
        read?;
        match status.success() {
            true => Ok(()),
            false => Err(Error::Unexpected(format!("psql ended with {status}: {sql}"))),
        }
    }
}
