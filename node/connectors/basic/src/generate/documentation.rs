pub(super) const DOCUMENTATION: &str = "\
Makes records up, for trying a workflow out and for measuring one. Record number i is the same on every read and on \
every machine: it depends on `seed`, `row_bytes` and i alone.

| column | type | |
|---|---|---|
| `id` | integer | the record's number, from 0 |
| `name` | text | first and last name, some with letters outside ASCII |
| `amount` | float | 0.00 to 9999.99 |
| `country` | text | two-letter code |
| `created_at` | timestamp, UTC, microseconds | one second later with each id, from 2024-01-01 on, plus a fraction |
| `active` | boolean | true for about three of four |
| `padding` | text | only with `row_bytes` |

With `rows`, each partition holds a contiguous range of ids, in order. Without `rows` the source never ends, and \
partition p of n holds the ids p, p + n, p + 2n and so on.

**Guarantees.** Replayable and ordered. A continued run is refused when `seed`, `row_bytes` or the ids of a partition \
have changed. Without `rows` it is unbounded.
";

pub(super) const EXAMPLE: &str = "\
type: generate
config:
  rows: 1000
  seed: 7
";
