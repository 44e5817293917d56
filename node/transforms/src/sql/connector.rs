use std::sync::Arc;

use etl_sdk::{Descriptor, FieldError, Processor, ProcessorConnector, parse_config};

use super::config::SqlConfig;
use super::processor::SqlProcessor;

/// The `sql` transformation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sql;

const DOCUMENTATION: &str = "\
Makes new records of each record with one `SELECT` in the SQL of [DataFusion](https://datafusion.apache.org/user-guide/sql/). \
It is part of the full build (`cargo build --features full`).

The table `batch` holds the records; it may have an alias. The query has `SELECT`, `FROM batch` and `WHERE`:

- each field of the result is a new record's field. `*` stands for all; what is computed needs a name (`... AS total`);
- a record for which `WHERE` is false or null is counted as *filtered*;
- `unnest(list)` makes one record of each item. They keep the order of the list, stay together, and are delivered together. \
A record whose list is empty or null is filtered.

**A record depends on no other.** A step sees one batch at a time, and where batches are cut may differ from run to run \
and when records are read again after a failure. A sum over a batch would then not be the same a second time, and exactly-once \
delivery would deliver something else. So aggregates, window functions, `GROUP BY`, `DISTINCT`, `ORDER BY`, `LIMIT`, \
`UNION`, `WITH`, joins and queries inside of the query are refused when the workflow is read. `aggregate`, `join` and \
`window`, which keep state that survives a failure, are for a coming version. For the same reason there are no functions \
whose value differs the next time: `now()`, `current_date`, `current_time`, `random()`, `uuid()`. Let a `mapping` in front \
add such a field.

Names of fields are spelt as in the records, upper and lower case differ; `\"first name\"` is a name with a blank. A field of \
a record is `address['zip']`. `CAST` fails for a value that does not fit, `TRY_CAST` makes it null. Whole numbers \
that become too large fail, and so does their division by zero; that of floating point is infinite. JSON fields are texts; those \
that the query only passes on stay JSON.

A record for which the query fails is a **record error**, and the others go on; the step's `on_error` decides what becomes of \
it. The codes are `division_by_zero`, `overflow`, `invalid_conversion`, and `sql_failed` for all else. A batch with such \
records is divided until they are found, which takes several runs of the query for each. If the query does not \
fit the fields of a batch at all, every record of it is a record error (`sql_plan`).

There is nothing else to read or write: no other tables, no files, no settings, no statements but `SELECT`. The functions \
`repeat`, `lpad`, `rpad`, `array_repeat` and `array_resize` need their length as a number up to 10000, and \
`range` and `generate_series` are missing: the values of a record cannot fill the memory with them. All \
records made of the records of one batch are in memory at once. Records keep their order. The step keeps no state.
";

const EXAMPLE: &str = "\
type: sql
config:
  query: |
    SELECT id, upper(country) AS country, net + net * tax / 100 AS gross, unnest(tags) AS tag
    FROM batch
    WHERE net > 0 AND country IS NOT NULL
";

impl ProcessorConnector for Sql {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "sql",
            summary: "Makes new records of each record with a SELECT.",
            documentation: DOCUMENTATION,
            schema: schemars::schema_for!(SqlConfig),
            example: EXAMPLE,
        }
    }

    fn configure(&self, config: &serde_json::Value) -> Result<Arc<dyn Processor>, Vec<FieldError>> {
        let config: SqlConfig = parse_config(config)?;
        Ok(Arc::new(SqlProcessor::new(config.validate()?)))
    }
}
