pub(super) const DOCUMENTATION: &str = "\
Writes rows to a table of a SQLite database. Rows and marker are committed in one transaction, so a row arrives \
exactly once whatever is killed when. Markers are kept in the table `_etl_markers` of the same database.

**Modes.** `append` adds rows. `upsert` inserts a row or overwrites the columns of the row with the same `key`; of \
several rows with one key the last wins; a row with a null in its key is refused. `replace` collects the rows in a table \
`_etl_new_<table>_<run>`, with the constraints and unique indexes of the target, and exchanges the target's content \
for them in one transaction when the run is complete: until then the old content stays visible. The target keeps its \
definition, indexes and triggers; its triggers see the exchange as one DELETE and INSERTs. An exchange that would \
leave rows of another table without the row they refer to is refused.

**Tables.** A missing table is created from the columns of the first rows, with `key` as its primary key. An existing \
table is checked before its first row: a column that is missing, computed or of an unfit type, or one that must not \
be null and is missing in the rows, ends the run with an error that names it. No column is ever added.

| rows | created as | stored as |
|---|---|---|
| integers | `INTEGER` | integer; an unsigned one above 9223372036854775807 is a rejected record |
| floats | `REAL` | float; NaN is a rejected record, for SQLite would store null |
| booleans | `BOOLEAN` | 0 or 1 |
| text | `TEXT` | text |
| bytes | `BLOB` | bytes |
| dates, times, durations | `TEXT` | ISO 8601 |
| timestamps | `TEXT` | RFC 3339 in UTC; without an offset when the column has no time zone |
| decimals | `TEXT` | all their digits |
| lists, structs, maps, JSON | `JSON_TEXT` | JSON |

In an existing table SQLite would convert some values to the column's declared type. Where that could change a value, \
the row is rejected: an integer that no float equals in a `REAL` column, text that reads like a number in a \
column of numeric type. Text for an `INTEGER` or `REAL` column and floats for a `TEXT` column end the run.

**Rejected records.** A row that breaks a constraint of the table is rolled back alone and becomes a record error with \
the constraint, column and value; what happens to it is the step's `on_error`. Foreign keys are enforced.

**Operation.** The database is put into write-ahead-log mode with `synchronous=FULL`. One transaction writes at a \
time; several partitions take turns. A lock held by another program is waited for 10 seconds, then retried.
";

pub(super) const EXAMPLE: &str = "\
type: sqlite
config:
  path: data/shop.db
  table: orders
  mode: upsert
  key: [id]
";
