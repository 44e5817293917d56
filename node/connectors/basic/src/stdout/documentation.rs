pub(super) const DOCUMENTATION: &str = "\
Prints rows to standard output: one JSON object a line, or CSV with a header line before the first row.

Rows of one partition are printed in their order; units of several partitions take turns, lines are never mixed. A \
unit's rows are printed when the unit is committed, then flushed.

**Guarantee.** At least once: standard output keeps no marker, so rows of a unit that was being printed when the \
process ended are printed again by the next run. When the reader goes away (`| head`), the run fails with \
`stdout_closed`.

**CSV.** All rows must have the same columns; a mapping names them.
";

pub(super) const EXAMPLE: &str = "\
type: stdout
config:
  format: jsonl
";
