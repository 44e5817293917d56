use std::path::{Path, PathBuf};

use etl_test_services::{Database, Durability, PostgresServer};

use crate::bench::BenchError;
use crate::bench::dataset::Dataset;
use crate::bench::expected::Expected;

/// The columns of `users`.
const COLUMNS: &str = "(id bigint PRIMARY KEY, first_name text, last_name text, email text, country text, \
                       amount numeric(12,2), created_at timestamptz, active boolean, attributes jsonb)";
/// What a table with these columns holds: rows, ids, cents, active ones, and a sum over all its rows' text.
const CONTENTS: &str = "SELECT count(*), coalesce(sum(id), 0), coalesce(sum(amount) * 100, 0)::bigint, \
                        count(*) FILTER (WHERE active), sum(hashtextextended(t::text, 0)::numeric)";

/// A server with the data of the workloads: the tables `users` and `narrow` of the database `bench`, which are only
/// read, and tables to be written there and in `bench2`.
pub struct Site {
    pub bench: Database,
    pub bench2: Database,
    /// The rows of `users`, as CSV.
    pub csv: PathBuf,
    /// What `users` and every copy of it holds.
    pub expected: Expected,
    contents: String,
    narrow_rows: u64,
    // Stopped when dropped.
    _server: PostgresServer,
}

/// Text as SQL and as an argument of the commands of `psql`.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Site {
    /// Starts a server with its data in `directory` and loads the data set, and with `narrow_rows` the narrow table.
    pub fn start(directory: &Path, data: &Dataset, narrow_rows: u64) -> Result<Self, BenchError> {
        let server = PostgresServer::builder().durability(Durability::On).data_in(directory).start()?;
        let (bench, bench2) = (server.database("bench")?, server.database("bench2")?);
        eprintln!("bench: PostgreSQL {}", bench.psql("SHOW server_version")?);
        bench.psql(&format!("CREATE TABLE users {COLUMNS}"))?;
        let csv = data.csv.clone();
        bench.psql(&format!(
            "\\copy users FROM {} CSV HEADER\nVACUUM (FREEZE, ANALYZE) users",
            literal(&csv.to_string_lossy())
        ))?;
        bench.psql(
            "CREATE TABLE narrow (id bigint NOT NULL, v double precision NOT NULL, ts timestamptz NOT NULL)",
        )?;
        bench.psql(&format!(
            "INSERT INTO narrow SELECT i, i / 7::double precision, \
             timestamptz '2024-01-01 00:00:00+00' + i * interval '1.000003 seconds' \
             FROM generate_series(1, {narrow_rows}::bigint) i; VACUUM (FREEZE, ANALYZE) narrow"
        ))?;
        let expected = data.expected.clone();
        let mut site =
            Self { bench, bench2, csv, expected, contents: String::new(), narrow_rows, _server: server };
        site.contents = site.contents(&site.bench, "users")?;
        let sums = [site.expected.rows, site.expected.sum_id, site.expected.sum_cents, site.expected.active];
        let sums = sums.map(|sum| sum.to_string()).join("|");
        match site.contents.strip_prefix(&sums).is_some_and(|rest| rest.starts_with('|')) {
            true => Ok(site),
            false => Err(BenchError::wrong(
                Path::new("users"),
                format!("the data set is {}, but must begin with {sums}", site.contents),
            )),
        }
    }

    /// Rows of `narrow`.
    pub fn narrow_rows(&self) -> u64 {
        self.narrow_rows
    }

    /// Makes the table anew, empty.
    pub fn recreate(&self, database: &Database, table: &str) -> Result<(), BenchError> {
        // Autovacuum would come at one run and not at another.
        database.psql(&format!(
            "DROP TABLE IF EXISTS {table}, _etl_markers; CREATE TABLE {table} {COLUMNS} \
             WITH (autovacuum_enabled = false)"
        ))?;
        Ok(())
    }

    /// Fills a table with every second row, each with other values than it gets.
    pub fn fill_half(&self, table: &str) -> Result<(), BenchError> {
        self.bench.psql(&format!(
            "INSERT INTO {table} SELECT id, 'stale', last_name, email, country, 0, created_at, NOT active, attributes \
             FROM users WHERE id % 2 = 1; VACUUM (ANALYZE) {table}"
        ))?;
        Ok(())
    }

    /// Writes everything that earlier work left to be written, so that no run pays for another.
    pub fn settle(&self) -> Result<(), BenchError> {
        self.bench.psql("CHECKPOINT")?;
        Ok(())
    }

    fn contents(&self, database: &Database, table: &str) -> Result<String, BenchError> {
        Ok(database.psql(&format!("{CONTENTS} FROM {table} t"))?)
    }

    /// Whether a table holds exactly the rows of `users`.
    pub fn verify(&self, database: &Database, table: &str) -> Result<(), BenchError> {
        let found = self.contents(database, table)?;
        match found == self.contents {
            true => Ok(()),
            false => {
                let wanted = &self.contents;
                let message =
                    format!("rows, ids, cents, active and checksum are {found}, but must be {wanted}");
                Err(BenchError::wrong(Path::new(table), message))
            }
        }
    }
}
