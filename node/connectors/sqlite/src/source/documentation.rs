pub(super) const DOCUMENTATION: &str = "\
Reads the rows of a table, a view or a query of a SQLite database, as one partition. The database is opened for \
reading only.

**Order and continuation.** A table is read by row id, up to the largest one at the start; rows added meanwhile \
belong to the next run. A table WITHOUT ROWID is read by its primary key; a view or query by `key`. Such a source is \
replayable: a run that was interrupted goes on behind the last row, and is refused when the table's definition or the query \
has changed, or, for a table without INTEGER PRIMARY KEY (whose row ids VACUUM may give out anew), when the row it \
stopped at has. A query without `key` is not replayable. Two rows with one key, and a key that is null, end the run with an \
error. Rows that are changed behind the place where reading has come to are not read again.

**Types.** The declared type of a column decides: INTEGER gives integers, REAL floats, TEXT text, BLOB bytes, BOOLEAN \
booleans, JSON JSON. Where it does not (NUMERIC, dates, none, expressions), the first 1000 rows do; values of several types \
in one column become JSON. SQLite lets any value stand in any column: one that does not fit is a rejected record \
with its row id, column and value. Nothing is converted, except integers that equal a float in a column of floats.
";

pub(super) const EXAMPLE: &str = "\
type: sqlite
config:
  path: data/shop.db
  table: orders
  columns: [id, customer, amount]
";
