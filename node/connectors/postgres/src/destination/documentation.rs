pub(super) const EXAMPLE: &str = r#"type: postgres
config:
  host: db.example.com
  database: warehouse
  username: etl
  password: "${secret:warehouse_db}"
  sslmode: verify-full
  table: app.orders
  mode: upsert
  key: [order_id]
"#;

pub(super) const DOCUMENTATION: &str = r#"Writes by `COPY ... FROM STDIN (FORMAT binary)`. The rows of a unit and the position they end at are committed in one
transaction, on condition of the position before, which lies in the table `_etl_markers` beside the target. So every
record is there once, whatever is killed when, and an owner that was paused and replaced cannot commit.

**Modes.** `append` adds rows. `upsert` copies them into a temporary table and merges them by one `INSERT ... ON
CONFLICT` per unit; of rows with the same key the last one wins. `replace` collects the rows of the run in a table of
their own and exchanges the content in one transaction at its end; readers see the old content until then. A table
that others refer to by foreign keys cannot be replaced.

**Table.** A missing table is created with the types of the first rows (decimals as `numeric`, JSON as `jsonb`,
timestamps with zone as `timestamptz`, lists as arrays; types that came from PostgreSQL stay what they were). The columns
of an existing one are checked before the first row; the one that does not fit is named.

**Conversions** happen only where no value is lost: integers to wider ones, to narrower ones as far as they fit, floats to
`numeric` with all their digits, text to dates, timestamps, `uuid`, `inet`, `interval`, `json` as far as it is one. A value that
would change is an error of its record. JSON goes into `json` and `jsonb` as JSON, not as a string.

**Refused rows** (constraints, triggers, encodings) are found one by one and go where `on_error` says; the error names
record, column, value and constraint. Deadlocks, serialization failures, lost connections and restarts of the server are
retried from the marker.

**Failover.** With several hosts (`host: "db1,db2"`, or `postgres://user@db1,db2:5433/name`) the one that takes writes is used,
and when it fails the run goes on from the marker of its successor as soon as there is one. A successor that lacks what
was committed, as a standby that follows without `synchronous_standby_names` may, halts the run instead.

`pg_stat_activity` shows run, epoch and partition as `application_name`. PgBouncer works in session mode.
"#;
