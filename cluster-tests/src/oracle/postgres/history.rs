use serde::Deserialize;

use super::server::Postgres;
use crate::oracle::error::Error;

/// Notes every row that is written and every change of a marker, each with its transaction. The table of markers is
/// made by the node: the trigger is attached when that happens.
pub const TRIGGERS: &str = "
CREATE TABLE output.audit (p bigint, i bigint, x bigint);
CREATE FUNCTION output.note_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO output.audit SELECT p, i, txid_current() FROM written;
    RETURN NULL;
END $$;
CREATE TRIGGER inserted AFTER INSERT ON output.records REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION output.note_rows();
CREATE TRIGGER updated AFTER UPDATE ON output.records REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION output.note_rows();
CREATE TABLE output.commits (at bigserial, partition text, run text, epoch bigint, seq bigint, read bigint, \
    delivered bigint, x bigint);
CREATE FUNCTION output.note_marker() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO output.commits (partition, run, epoch, seq, read, delivered, x)
        VALUES (NEW.partition, NEW.run, NEW.epoch, NEW.seq, (NEW.counters::json->>'read')::bigint,
                (NEW.counters::json->>'delivered')::bigint, txid_current());
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
";

/// What the notes say, commit by commit.
const SUMMARY: &str = "
WITH last AS (
    SELECT DISTINCT ON (partition, x) * FROM output.commits ORDER BY partition, x, at DESC
), steps AS (
    SELECT *, lag(run) OVER w AS run_before, lag(epoch) OVER w AS epoch_before, lag(seq) OVER w AS seq_before,
        lag(read) OVER w AS read_before, lag(delivered) OVER w AS delivered_before
    FROM last WINDOW w AS (PARTITION BY partition ORDER BY at)
), same AS (
    SELECT *, seq - seq_before AS units, read - read_before AS more, delivered - delivered_before AS written
    FROM steps WHERE run = run_before
), rows AS (SELECT x, count(*) AS rows FROM output.audit GROUP BY x)
SELECT json_build_object(
    'units', (SELECT count(*) FROM same WHERE units = 1),
    'largest', (SELECT coalesce(max(more), 0) FROM same),
    'out_of_step', (SELECT count(*) FROM same WHERE epoch < epoch_before OR more < 0 OR NOT (
        units = 1 AND epoch = epoch_before OR units = 0 AND epoch > epoch_before AND more = 0 AND written = 0)),
    'torn', (SELECT count(*) FROM (
        SELECT x, sum(written) AS written FROM same GROUP BY x) AS marked
        FULL JOIN rows USING (x) WHERE coalesce(written, 0) <> coalesce(rows, 0)),
    'doubled', (SELECT count(*) - count(DISTINCT (p, i)) FROM output.audit));
";

/// What the server remembers of a run.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct History {
    /// Units that were committed.
    pub units: u64,
    /// Records read for the largest of them.
    pub largest: u64,
    /// Commits whose marker is not the one that follows the last.
    pub out_of_step: u64,
    /// Commits whose rows are not those that their marker counts.
    pub torn: u64,
    /// Rows that were written and committed more than once.
    pub doubled: u64,
}

impl Postgres {
    /// What was noted about a run whose output is audited.
    pub fn history(&self) -> Result<History, Error> {
        serde_json::from_str(&self.run(SUMMARY)?).map_err(Error::json("the history of commits"))
    }
}
