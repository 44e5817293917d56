use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use etl_test_services::Database;
use serde_json::json;

use super::parquet;
use super::site::{Site, literal};
use crate::bench::BenchError;
use crate::bench::args::Selection;
use crate::bench::comparison::Tool;
use crate::bench::process::{Usage, measure, measure_pipe};
use crate::bench::task::Task;

/// A table that is read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostgresWorkload {
    /// CSV appended to a table.
    W3,
    /// `users` to Parquet.
    W4,
    /// `users` appended to a table of another database.
    W5,
    /// `narrow` to Parquet.
    W6,
    /// CSV upserted into a table that has half of the keys.
    W7,
}

impl PostgresWorkload {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::W3, Self::W4, Self::W5, Self::W6, Self::W7];

    /// How it is chosen on the command line.
    pub fn selection(self) -> Selection {
        match self {
            Self::W3 => Selection::W3,
            Self::W4 => Selection::W4,
            Self::W5 => Selection::W5,
            Self::W6 => Selection::W6,
            Self::W7 => Selection::W7,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::W3 => "w3",
            Self::W4 => "w4",
            Self::W5 => "w5",
            Self::W6 => "w6",
            Self::W7 => "w7",
        }
    }

    /// The table that is read, if one is.
    fn source(self) -> Option<&'static str> {
        match self {
            Self::W3 | Self::W7 => None,
            Self::W4 | Self::W5 => Some("users"),
            Self::W6 => Some("narrow"),
        }
    }

    /// The table that is written, if one is.
    fn target(self) -> Option<&'static str> {
        match self {
            Self::W3 => Some("users_w3"),
            Self::W4 | Self::W6 => None,
            Self::W5 => Some("users2"),
            Self::W7 => Some("users_w7"),
        }
    }
}

/// A workload on a server.
pub struct PostgresTask<'a> {
    pub workload: PostgresWorkload,
    pub site: &'a Site,
}

impl PostgresTask<'_> {
    fn output(&self, scratch: &Path) -> PathBuf {
        scratch.join("out.parquet")
    }

    /// The database of the table that is written.
    fn target_database(&self) -> &Database {
        match self.workload {
            PostgresWorkload::W5 => &self.site.bench2,
            _ => &self.site.bench,
        }
    }

    /// `psql` for W7: into a temporary table, and from there on.
    fn upsert(&self) -> String {
        let columns =
            ["first_name", "last_name", "email", "country", "amount", "created_at", "active", "attributes"];
        let updates = columns.map(|name| format!("{name} = excluded.{name}")).join(", ");
        format!(
            "CREATE TEMP TABLE staged (LIKE users_w7);\n\\copy staged FROM {} CSV HEADER\n\
             INSERT INTO users_w7 SELECT * FROM staged ON CONFLICT (id) DO UPDATE SET {updates};\n",
            literal(&self.site.csv.to_string_lossy())
        )
    }
}

impl Task for PostgresTask<'_> {
    fn title(&self) -> &'static str {
        match self.workload {
            PostgresWorkload::W3 => "W3 CSV -> PostgreSQL append",
            PostgresWorkload::W4 => "W4 PostgreSQL -> Parquet",
            PostgresWorkload::W5 => "W5 PostgreSQL -> PostgreSQL append",
            PostgresWorkload::W6 => "W6 PostgreSQL, narrow -> Parquet",
            PostgresWorkload::W7 => "W7 CSV -> PostgreSQL upsert",
        }
    }

    fn rows(&self) -> u64 {
        match self.workload {
            PostgresWorkload::W6 => self.site.narrow_rows(),
            _ => self.site.expected.rows,
        }
    }

    fn bytes(&self) -> Result<Option<u64>, BenchError> {
        match self.workload.source() {
            None => {
                let csv = &self.site.csv;
                Ok(Some(std::fs::metadata(csv).map_err(BenchError::at(csv))?.len()))
            }
            Some(_) => Ok(None),
        }
    }

    fn prepare(&self) -> Result<(), BenchError> {
        if let Some(table) = self.workload.target() {
            self.site.recreate(self.target_database(), table)?;
            if self.workload == PostgresWorkload::W7 {
                self.site.fill_half(table)?;
            }
        }
        self.site.settle()
    }

    fn workflow(&self, scratch: &Path) -> String {
        let source = match self.workload.source() {
            Some(table) => {
                json!({ "type": "postgres", "config": { "url": self.site.bench.url(), "table": table } })
            }
            None => json!({ "type": "file", "config": { "path": self.site.csv } }),
        };
        let destination = match (self.workload, self.workload.target()) {
            (PostgresWorkload::W7, Some(table)) => {
                let url = self.target_database().url();
                json!({ "type": "postgres",
                        "config": { "url": url, "table": table, "mode": "upsert", "key": ["id"] } })
            }
            (_, Some(table)) => {
                let url = self.target_database().url();
                json!({ "type": "postgres", "config": { "url": url, "table": table, "mode": "append" } })
            }
            (_, None) => json!({ "type": "file",
                "config": { "path": self.output(scratch), "parquet": { "compression": "snappy" } } }),
        };
        json!({
            "workflow": {
                "name": "bench",
                "delivery": { "guarantee": "exactly_once" },
                "source": source,
                "transformations": [],
                "destination": destination,
            }
        })
        .to_string()
    }

    fn limit_title(&self) -> &'static str {
        match self.workload {
            PostgresWorkload::W3 => "limit: psql \\copy",
            PostgresWorkload::W4 | PostgresWorkload::W6 => "limit: psql COPY TO, binary, thrown away",
            PostgresWorkload::W5 => "limit: psql COPY | psql COPY, binary",
            PostgresWorkload::W7 => "limit: psql \\copy, INSERT ON CONFLICT",
        }
    }

    fn limit(&self, scratch: &Path) -> Result<Usage, BenchError> {
        let mut psql = self.site.bench.psql_command();
        psql.arg("-q").stdout(Stdio::null());
        let copy_to = |table| format!("COPY {table} TO STDOUT (FORMAT binary)");
        let usage = match self.workload {
            PostgresWorkload::W3 => {
                let csv = literal(&self.site.csv.to_string_lossy());
                measure(psql.args(["-c", &format!("\\copy users_w3 FROM {csv} CSV HEADER")]))?
            }
            PostgresWorkload::W4 => measure(psql.args(["-c", &copy_to("users")]))?,
            PostgresWorkload::W6 => measure(psql.args(["-c", &copy_to("narrow")]))?,
            PostgresWorkload::W5 => {
                let mut second = self.site.bench2.psql_command();
                second.args(["-q", "-c", "COPY users2 FROM STDIN (FORMAT binary)"]);
                measure_pipe(psql.args(["-c", &copy_to("users")]), &mut second)?
            }
            PostgresWorkload::W7 => {
                let script = scratch.join("upsert.sql");
                std::fs::write(&script, self.upsert()).map_err(BenchError::at(&script))?;
                measure(psql.arg("-f").arg(&script))?
            }
        };
        // What is measured as the limit has to have done the work.
        match self.workload.target() {
            Some(table) => self.site.verify(self.target_database(), table).map(|()| usage),
            None => Ok(usage),
        }
    }

    fn arguments(&self, tool: Tool, scratch: &Path) -> Option<Vec<OsString>> {
        let knows = match tool {
            Tool::Adbc => true,
            Tool::Connectorx => matches!(self.workload, PostgresWorkload::W4 | PostgresWorkload::W6),
            Tool::DuckDb | Tool::Polars => false,
        };
        let source = match self.workload.source() {
            Some(_) => self.site.bench.url().into(),
            None => self.site.csv.clone().into_os_string(),
        };
        let target = match self.workload.target() {
            Some(_) => self.target_database().url().into(),
            None => self.output(scratch).into_os_string(),
        };
        knows.then(|| vec![self.workload.name().into(), source, target])
    }

    fn verify(&self, scratch: &Path) -> Result<(), BenchError> {
        let output = self.output(scratch);
        match (self.workload, self.workload.target()) {
            (_, Some(table)) => self.site.verify(self.target_database(), table),
            (PostgresWorkload::W6, None) => parquet::narrow(&output, self.site.narrow_rows()),
            (_, None) => parquet::users(&output, self.site.expected.rows),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::bench::dataset::Dataset;

    fn site(directory: &Path) -> Site {
        let data = Dataset::prepare(directory, 1000).unwrap();
        Site::start(directory, &data, 500).unwrap()
    }

    fn directory() -> tempfile::TempDir {
        // The server's user has to pass through it.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        tempfile::Builder::new().prefix("it's ").permissions(open).tempdir().unwrap()
    }

    #[test]
    fn every_limit_does_its_work_and_nothing_else_passes_for_it() {
        let directory = directory();
        let site = site(directory.path());
        for workload in PostgresWorkload::ALL {
            let task = PostgresTask { workload, site: &site };
            for _ in 0..2 {
                task.prepare().unwrap();
                let before = task.verify(directory.path());
                assert!(before.is_err(), "{workload:?} is verified before it is done");
                let usage = task.limit(directory.path()).unwrap();
                assert!(usage.peak > 0);
            }
            let Some(table) = workload.target() else { continue };
            task.verify(directory.path()).unwrap();
            let database = task.target_database();
            for change in [
                format!("UPDATE {table} SET attributes = '{{}}' WHERE id = 77"),
                format!("UPDATE {table} SET created_at = created_at + interval '1 us' WHERE id = 77"),
                format!("DELETE FROM {table} WHERE id = 77"),
            ] {
                task.prepare().unwrap();
                task.limit(directory.path()).unwrap();
                database.psql(&change).unwrap();
                assert!(task.verify(directory.path()).is_err(), "{workload:?}: {change}");
            }
        }
    }

    #[test]
    fn an_upsert_starts_with_half_of_the_keys_and_other_values() {
        let directory = directory();
        let site = site(directory.path());
        let task = PostgresTask { workload: PostgresWorkload::W7, site: &site };
        task.prepare().unwrap();
        let same = "SELECT count(*), count(*) FILTER (WHERE t.first_name = u.first_name OR t.amount = u.amount \
                    OR t.active = u.active) FROM users_w7 t JOIN users u USING (id)";
        let [found, same]: [u64; 2] = {
            let row = site.bench.psql(same).unwrap();
            let numbers: Vec<u64> = row.split('|').map(|number| number.parse().unwrap()).collect();
            numbers.try_into().unwrap()
        };
        assert_eq!(found, 500);
        assert!(same <= 1, "an amount may be 0 by chance");
        assert!(task.workflow(directory.path()).contains("\"mode\":\"upsert\",\"key\":[\"id\"]"));
    }
}
