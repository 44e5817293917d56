use etl_model::RecordError;
use serde_json::Value;

use super::layout::Layout;
use crate::PostgresError;
use crate::copy::decode::decode;
use crate::record::record;

/// First letters of the classes of errors that neither the server nor the standard uses.
const TRIGGERS_OWN: &[char] =
    &['I', 'J', 'K', 'L', 'M', 'N', 'O', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'Y', 'Z'];

/// What the server said of a row.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    code: &'static str,
    message: String,
    column: Option<String>,
    /// Which row of its COPY it was, from 1, as far as the server says so.
    pub(super) row: Option<usize>,
}

impl Refusal {
    /// What an error says of a row; `None` when it is not a row's.
    pub(super) fn of(error: &PostgresError) -> Option<Self> {
        let PostgresError::Server { source, .. } = error else { return None };
        let db = source.as_db_error()?;
        let state = db.code().code();
        let code = match (state.get(..2)?, state) {
            (_, "23502") => "constraint_not_null",
            (_, "23503") => "constraint_foreign_key",
            (_, "23505") => "constraint_unique",
            (_, "23514") => "constraint_check",
            (_, "23P01") => "constraint_exclusion",
            ("23" | "44", _) => "constraint",
            // The table has changed since rows were encoded for it: no row's fault.
            (_, "22P03") => return None,
            ("22", _) => "value_refused",
            // Two rows of one statement with the same key, or a row too large for an index.
            (_, "21000") => "key_repeated",
            ("54", _) => "row_too_large",
            // Raised by a trigger.
            ("P0", _) => "refused_by_trigger",
            // With a code of the trigger's own, outside of the classes that the server uses.
            ("45", _) => "refused_by_trigger",
            ("72", _) => return None,
            (class, _) if class.starts_with(['6', '7', '8', '9']) || class.starts_with(TRIGGERS_OWN) => {
                "refused_by_trigger"
            }
            _ => return None,
        };
        let mut message = db.message().to_owned();
        if let Some(detail) = db.detail() {
            message.push_str(&format!(" ({detail})"));
        }
        if let Some(constraint) = db.constraint().filter(|name| !message.contains(name)) {
            message.push_str(&format!(", constraint `{constraint}`"));
        }
        let place = db.where_().unwrap_or_default();
        Some(Self {
            code,
            message,
            column: db.column().map(str::to_owned).or_else(|| column(place)),
            row: row(place),
        })
    }

    /// The record error of the tuple.
    pub(super) fn into_error(self, layout: &Layout, tuple: &[u8], ordinal: u64) -> RecordError {
        let record = shown(layout, tuple);
        let mut message = self.message;
        let column = self.column.or_else(|| {
            // "Key (id)=(7) already exists."
            let names = message.split_once("Key (")?.1.split_once(')')?.0;
            names.split(", ").next().map(|name| {
                match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
                    Some(quoted) => quoted.replace("\"\"", "\""),
                    None => name.to_owned(),
                }
            })
        });
        if let Some(column) = &column
            && let Some(value) = record.get(column)
        {
            message.push_str(&format!(", {column} = {}", brief(value)));
        }
        let mut error = RecordError::new(ordinal, self.code, message)
            .with_help("mend the record or the table, or send such records to the dead letters")
            .with_record(record);
        if let Some(column) = column {
            error = error.with_field(column);
        }
        error
    }
}

/// The tuple as a JSON object.
fn shown(layout: &Layout, tuple: &[u8]) -> Value {
    use arrow::array::RecordBatch;
    use arrow::datatypes::Schema;
    let Ok(decoded) = decode(tuple, &layout.columns) else { return Value::Null };
    let fields: Vec<_> = layout.columns.iter().map(|column| column.field().with_nullable(true)).collect();
    match RecordBatch::try_new(std::sync::Arc::new(Schema::new(fields)), decoded.columns) {
        Ok(records) => record(&records, 0, None),
        Err(_) => Value::Null,
    }
}

fn brief(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// `COPY users, line 7, column age` says which row.
fn row(place: &str) -> Option<usize> {
    let copy = place.lines().find(|line| line.starts_with("COPY "))?;
    let digits = copy.rsplit_once(", line ")?.1;
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

fn column(place: &str) -> Option<String> {
    let copy = place.lines().find(|line| line.starts_with("COPY "))?;
    let name = copy.rsplit_once(", column ")?.1;
    Some(name.split_once(": ").map_or(name, |(name, _)| name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_context_names_row_and_column() {
        assert_eq!(row("COPY users, line 17"), Some(17));
        assert_eq!(row("SQL statement\nCOPY a, line 3, line 8, column x: \"y\""), Some(8));
        assert_eq!(column("COPY users, line 2, column age"), Some("age".to_owned()));
        assert_eq!(column("COPY users, line 2, column age: \"x\""), Some("age".to_owned()));
        assert_eq!(row("while inserting index tuple"), None);
        assert_eq!(column("COPY users, line 2"), None);
    }
}
