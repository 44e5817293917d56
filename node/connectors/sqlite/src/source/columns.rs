use arrow::datatypes::{DataType, Field};
use etl_model::json_field;
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::SqliteError;
use crate::error::At;
use crate::table::Affinity;

/// Rows looked at where the declared type says nothing about the values.
const SAMPLE: usize = 1000;

/// The type of a column that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    Integer,
    Real,
    Text,
    Blob,
    /// Text that is JSON.
    Json,
    /// Values of several types, each shown as JSON.
    Mixed,
}

/// A column that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
}

impl Column {
    pub(super) fn field(&self) -> Field {
        let plain = |data_type| Field::new(&self.name, data_type, true);
        match self.kind {
            Kind::Boolean => plain(DataType::Boolean),
            Kind::Integer => plain(DataType::Int64),
            Kind::Real => plain(DataType::Float64),
            Kind::Text => plain(DataType::Utf8),
            Kind::Blob => plain(DataType::Binary),
            Kind::Json | Kind::Mixed => json_field(&self.name, true),
        }
    }
}

/// Types seen in a column.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    integer: bool,
    beyond_bool: bool,
    real: bool,
    text: bool,
    blob: bool,
}

/// Decides the types of the columns that `select` yields: by declared type where that decides, else by the first rows.
pub(super) fn detect(connection: &Connection, select: &str, place: &str) -> Result<Vec<Column>, SqliteError> {
    let mut statement = connection.prepare(select).at(place)?;
    let declared: Vec<(String, String)> = statement
        .columns()
        .iter()
        .map(|column| (column.name().to_owned(), column.decl_type().unwrap_or_default().to_ascii_uppercase()))
        .collect();
    let mut seen = vec![Seen::default(); declared.len()];
    if declared.iter().any(|(_, declared)| by_declaration(declared).is_none()) {
        let mut rows = statement.query([]).at(place)?;
        let mut left = SAMPLE;
        while left > 0 {
            let Some(row) = rows.next().at(place)? else { break };
            left -= 1;
            for (i, seen) in seen.iter_mut().enumerate() {
                match row.get_ref(i).at(place)? {
                    ValueRef::Null => {}
                    ValueRef::Integer(value) => {
                        seen.integer = true;
                        seen.beyond_bool |= value != 0 && value != 1;
                    }
                    ValueRef::Real(_) => seen.real = true,
                    ValueRef::Text(_) => seen.text = true,
                    ValueRef::Blob(_) => seen.blob = true,
                }
            }
        }
    }
    let kind = |declared: &str, seen| by_declaration(declared).unwrap_or_else(|| by_sample(declared, seen));
    Ok(declared
        .into_iter()
        .zip(seen)
        .map(|((name, declared), seen)| Column { kind: kind(&declared, seen), name })
        .collect())
}

fn by_declaration(declared: &str) -> Option<Kind> {
    if declared.contains("JSON") {
        return Some(Kind::Json);
    }
    match Affinity::of(declared, true) {
        Affinity::Integer => Some(Kind::Integer),
        Affinity::Real => Some(Kind::Real),
        Affinity::Text => Some(Kind::Text),
        Affinity::Blob if declared.contains("BLOB") => Some(Kind::Blob),
        Affinity::Blob | Affinity::Numeric => None,
    }
}

fn by_sample(declared: &str, seen: Seen) -> Kind {
    match seen {
        Seen { integer: false, real: false, text: false, blob: false, .. } => {
            if declared.contains("BOOL") {
                Kind::Boolean
            } else {
                Kind::Mixed
            }
        }
        Seen { text: true, integer: false, real: false, blob: false, .. } => Kind::Text,
        Seen { blob: true, integer: false, real: false, text: false, .. } => Kind::Blob,
        Seen { integer: true, real: false, text: false, blob: false, beyond_bool } => {
            if declared.contains("BOOL") && !beyond_bool {
                Kind::Boolean
            } else if declared.starts_with("DEC") || declared.starts_with("NUM") {
                // SQLite stores 2.00 as the integer 2; other rows will have fractions.
                Kind::Real
            } else {
                Kind::Integer
            }
        }
        Seen { real: true, text: false, blob: false, .. } => Kind::Real,
        _ => Kind::Mixed,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn types_come_from_the_declaration_else_from_the_rows() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "CREATE TABLE t (a INT, b DOUBLE, c VARCHAR(9), d BLOB, e BOOLEAN, f JSON, g DECIMAL(9,2), h DATE, i, j);
                 INSERT INTO t VALUES (1, 1, 'x', x'00', 1, '{}', 2, '2024-01-01', 5, NULL);
                 INSERT INTO t VALUES (1, 1, 'x', x'00', 0, '{}', 3, '2024-01-01', 'x', NULL);",
            )
            .unwrap();
        let columns = detect(&connection, "SELECT *, 1 + 1.5 AS k FROM t", "db").unwrap();
        let kinds: Vec<_> = columns.iter().map(|column| column.kind).collect();
        assert_eq!(
            kinds,
            [
                Kind::Integer,
                Kind::Real,
                Kind::Text,
                Kind::Blob,
                Kind::Boolean,
                Kind::Json,
                Kind::Real,
                Kind::Text,
                Kind::Mixed,
                Kind::Mixed,
                Kind::Real
            ]
        );
    }
}
