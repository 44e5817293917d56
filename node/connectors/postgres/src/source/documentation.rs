pub(super) const EXAMPLE: &str = r#"type: postgres
config:
  host: db.example.com
  database: sales
  username: etl
  password: "${secret:sales_db}"
  sslmode: verify-full
  table: app.orders
  columns: [order_id, customer_id, total, placed_at]
  where: "placed_at >= '2024-01-01'"
"#;

pub(super) const DOCUMENTATION: &str = r#"Reads by `COPY ... TO STDOUT (FORMAT binary)`, decoded straight into columns.

**Partitions.** A table of more than 64 MiB is cut into ranges of its key (any type that can be ordered, several
columns too), which are read side by side. A table without a key is cut into ranges of pages of its file. All
partitions of a run see one snapshot of the database.

**After an interruption** the run goes on behind the last key it delivered, in a new snapshot: every key comes once,
rows that were changed in between as they were at one of the two times. Without a key it goes on only if no row was
inserted or updated meanwhile; otherwise it refuses. A query without `key` cannot be continued.

**Types.**

| PostgreSQL | column |
|---|---|
| `boolean` | boolean |
| `smallint`, `integer`, `bigint`, `oid` | integers of 16, 32, 64 and 32 bits (`oid` without sign) |
| `real`, `double precision` | floats |
| `numeric(p, s)` up to 76 digits, `money` | decimal; `NaN` is an error of its record, unless `numeric: text` |
| other `numeric` | text with all digits |
| `text`, `varchar`, `char`, `name`, `citext`, `xml`, enums, `uuid`, `inet`, `cidr`, `bit`, `"char"` | text |
| `json`, `jsonb` | JSON |
| `bytea` | bytes |
| `date`, `time`, `timestamp`, `timestamptz` | date, time, timestamps in microseconds (with zone: UTC); `infinity` is the largest and `-infinity` the smallest number |
| `timetz`, `interval` | text in ISO 8601 |
| arrays | lists as deep as declared; values with other dimensions are errors of their record, unless `arrays: text` |
| domains | as their base type |
| anything else | text, which `plan` says |
"#;
