use std::net::Ipv4Addr;
use std::time::Duration;

use etl_test_services::{Database, PostgresServer, Proxy};
use serde::de::DeserializeOwned;

use super::cell::Cell;
use super::outcome::Tally;
use super::view::Held;
use crate::group::Error;

/// Parts that the source is asked to cut its table into.
pub const PARTITIONS: u64 = 12;
/// How long the source is held up at a time, in milliseconds.
const HOLD_MS: u64 = 20;

/// Notes every change of a marker; the table of markers is made by a node, and the trigger attached when that happens.
const NOTES: &str = "
CREATE TABLE output.commits (at bigserial, partition text, epoch bigint, seq bigint, delivered bigint);
CREATE INDEX ON output.commits (partition, at);
CREATE FUNCTION output.note_marker() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO output.commits (partition, epoch, seq, delivered)
        VALUES (NEW.partition, NEW.epoch, NEW.seq, (NEW.counters::json->>'delivered')::bigint);
    RETURN NULL;
END $$;
CREATE FUNCTION output.attach() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_regclass('output._etl_markers') IS NOT NULL
        AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgname = 'noted') THEN
        CREATE TRIGGER noted AFTER INSERT OR UPDATE ON output._etl_markers
            FOR EACH ROW EXECUTE FUNCTION output.note_marker();
    END IF;
END $$;
CREATE EVENT TRIGGER attach ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION output.attach();
CREATE TABLE output.rewritten (id bigint);
CREATE FUNCTION output.note_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO output.rewritten VALUES (NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER rewritten AFTER UPDATE ON output.records FOR EACH ROW EXECUTE FUNCTION output.note_row();
";

/// Undoes for a statement what keeps the source's rows flowing in the order of their keys.
const PLAN_FREELY: &str = "SET enable_seqscan = on; SET enable_bitmapscan = on; SET enable_sort = on;";

/// Each transaction's last note of a partition, with what was noted before.
const STEPS: &str = "
WITH last AS (
    SELECT DISTINCT ON (partition, xmin::text) *, xmin AS x FROM output.commits
    ORDER BY partition, xmin::text, at DESC
), steps AS (
    SELECT *, seq - lag(seq) OVER w AS units, lag(epoch) OVER w AS epoch_before,
        delivered - lag(delivered) OVER w AS written
    FROM last WINDOW w AS (PARTITION BY partition ORDER BY at)
)";

/// The database that a run reads from and writes to.
pub struct Data {
    database: Database,
    /// The way that nodes take to the server.
    pub proxy: Proxy,
    records: u64,
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Data {
    /// Makes a database with so many numbered records. The source takes about `pace` for them when all of its parts
    /// are read at once, without any work.
    ///
    /// Nodes reach the server by way of a proxy at this address.
    pub fn prepare(
        server: &PostgresServer,
        cell: Cell,
        records: u64,
        pace: Duration,
        at: Ipv4Addr,
    ) -> Result<Self, Error> {
        let database = server.fresh_database()?;
        let holds = u64::try_from(pace.as_millis()).unwrap_or(u64::MAX) / HOLD_MS;
        let every = (records / PARTITIONS).div_ceil(holds.max(1)).max(1);
        let key = if cell.has_key() { " PRIMARY KEY" } else { "" };
        database.psql(&format!(
            "CREATE SCHEMA input;
             CREATE TABLE input.records (id bigint PRIMARY KEY, twice bigint, payload text);
             INSERT INTO input.records SELECT i, 2 * i, repeat(md5(i::text), 8) FROM generate_series(1, {records}) AS i;
             ANALYZE input.records;
             CREATE FUNCTION input.paced(id bigint) RETURNS boolean LANGUAGE plpgsql COST 10000 AS $$
             BEGIN
                 IF id % {every} = 0 AND current_query() LIKE '%COPY%' THEN
                     PERFORM pg_sleep({HOLD_MS} / 1000.0);
                 END IF;
                 RETURN true;
             END $$;
             CREATE SCHEMA output;
             CREATE TABLE output.records (id bigint{key}, twice bigint, payload text);
             {NOTES}
             DO $$
             DECLARE
                 setting text;
             BEGIN
                 FOREACH setting IN ARRAY ARRAY['enable_seqscan', 'enable_bitmapscan', 'enable_sort'] LOOP
                     EXECUTE format('ALTER DATABASE %I SET %s = off', current_database(), setting);
                 END LOOP;
             END $$;"
        ))?;
        Ok(Self { database, proxy: Proxy::start_at(at, server.address())?, records })
    }

    /// Where nodes find it.
    pub fn url(&self) -> String {
        self.database.url_via(self.proxy.address())
    }

    fn json<T: DeserializeOwned>(&self, sql: &str) -> Result<T, Error> {
        let answer = self.database.psql(&format!("{PLAN_FREELY} {sql}"))?;
        serde_json::from_str(&answer).map_err(|error| Error::Unexpected(format!("`{answer}`: {error}")))
    }

    /// Records whose commit is noted.
    pub fn delivered(&self) -> Result<u64, Error> {
        self.json(
            "SELECT coalesce(sum(delivered), 0)::bigint \
             FROM (SELECT max(delivered) AS delivered FROM output.commits GROUP BY partition) AS each;",
        )
    }

    /// Of these partitions the ones in which a unit was committed under a newer epoch, with the time of the first such
    /// commit in milliseconds since 1970.
    pub fn taken_over(&self, held: &[Held]) -> Result<Vec<(String, f64)>, Error> {
        if held.is_empty() {
            return Ok(Vec::new());
        }
        let known = held.iter().map(|held| format!("({}, {})", literal(&held.partition), held.epoch));
        let known = known.collect::<Vec<_>>().join(", ");
        self.json(&format!(
            "{STEPS} SELECT coalesce(json_agg(json_build_array(partition, ms)), '[]') FROM (
                SELECT partition, extract(epoch FROM min(pg_xact_commit_timestamp(x)))::float8 * 1000 AS ms
                FROM steps JOIN (VALUES {known}) AS held (partition, held) USING (partition)
                WHERE epoch > held AND units > 0 GROUP BY partition) AS first;"
        ))
    }

    /// Of these partitions how long nothing was committed when they moved, in milliseconds: from the last commit by the owner
    /// of then to the first by the next one.
    pub fn pauses(&self, held: &[Held]) -> Result<Vec<f64>, Error> {
        if held.is_empty() {
            return Ok(Vec::new());
        }
        let known = held.iter().map(|held| format!("({}, {})", literal(&held.partition), held.epoch));
        let known = known.collect::<Vec<_>>().join(", ");
        self.json(&format!(
            "{STEPS}, timed AS (
                SELECT partition, epoch, held, extract(epoch FROM pg_xact_commit_timestamp(x))::float8 * 1000 AS ms
                FROM steps JOIN (VALUES {known}) AS held (partition, held) USING (partition) WHERE units > 0
            ) SELECT coalesce(json_agg(after - before), '[]') FROM (
                SELECT max(ms) FILTER (WHERE epoch <= held) AS before, min(ms) FILTER (WHERE epoch > held) AS after
                FROM timed GROUP BY partition) AS each WHERE before IS NOT NULL AND after IS NOT NULL;"
        ))
    }

    /// Looks every record up.
    pub fn tally(&self) -> Result<Tally, Error> {
        let records = self.records;
        self.json(&format!(
            "{STEPS} SELECT json_build_object(
                'lost', {records} - (SELECT count(DISTINCT id) FROM output.records WHERE id BETWEEN 1 AND {records}),
                'doubled', (SELECT count(*) - count(DISTINCT id) FROM output.records)
                    + (SELECT count(*) FROM output.rewritten),
                'altered', (SELECT count(*) FROM output.records WHERE NOT coalesce(
                    id BETWEEN 1 AND {records} AND twice = 2 * id AND payload = repeat(md5(id::text), 8), false)),
                'disordered', (SELECT count(*) FROM steps WHERE epoch < epoch_before OR NOT (
                    units = 1 AND epoch = epoch_before OR units = 0 AND epoch > epoch_before AND written = 0)),
                'units', (SELECT count(*) FROM steps WHERE units = 1));"
        ))
    }
}
