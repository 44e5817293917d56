use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use parquet::schema::types::Type;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Map, Value};

use super::BenchError;
use super::dataset::{Row, Rows};
use super::expected::Expected;

/// Every field of every line, in order, against the rows generated again; with `w2`, those and with the fields that
/// W2 yields.
pub fn json_lines(path: &Path, rows: u64, w2: bool) -> Result<(), BenchError> {
    let file = File::open(path).map_err(BenchError::at(path))?;
    let mut lines = BufReader::with_capacity(1 << 16, file).split(b'\n');
    for row in Rows::new(rows).filter(|row| !w2 || row.passes_w2()) {
        let line =
            lines.next().ok_or_else(|| BenchError::wrong(path, format!("row {} is missing", row.id)))?;
        let line = line.map_err(BenchError::at(path))?;
        let fields: Map<String, Value> = serde_json::from_slice(&line)?;
        if let Some(field) = wrong_field(&row, &fields, w2) {
            let found = String::from_utf8_lossy(&line).into_owned();
            return Err(BenchError::wrong(path, format!("`{field}` of row {} is wrong: {found}", row.id)));
        }
    }
    match lines.next() {
        None => Ok(()),
        Some(_) => Err(BenchError::wrong(path, "more rows than expected")),
    }
}

/// The first field that is not as it must be. Tools differ in how they write a time (`T` or a blank, `Z` or nothing)
/// and in whether the text of a CSV field that is JSON stays text; both are accepted.
fn wrong_field(row: &Row, fields: &Map<String, Value>, w2: bool) -> Option<&'static str> {
    let text = |name: &str, expected: &str| fields.get(name).and_then(Value::as_str) == Some(expected);
    let cents = |value: &Value| value.as_f64().map(|amount| (amount * 100.0).round() as u64);
    let time = fields.get("created_at").and_then(Value::as_str).unwrap_or_default().replacen(' ', "T", 1);
    let attributes = match fields.get("attributes") {
        Some(Value::String(text)) => text == &row.attributes,
        Some(value) => {
            serde_json::from_str::<Value>(&row.attributes).is_ok_and(|expected| expected == *value)
        }
        None => false,
    };
    let checks = [
        ("id", fields.get("id").and_then(Value::as_u64) == Some(row.id)),
        ("first_name", text("first_name", row.first_name)),
        ("last_name", text("last_name", row.last_name)),
        ("email", text("email", &row.email)),
        ("country", text("country", row.country)),
        ("amount", fields.get("amount").and_then(cents) == Some(row.cents)),
        ("created_at", time.get(..19) == row.created_at.get(..19)),
        ("active", fields.get("active").and_then(Value::as_bool) == Some(row.active)),
        ("attributes", if w2 { !fields.contains_key("attributes") } else { attributes }),
        ("full_name", !w2 || text("full_name", &format!("{} {}", row.first_name, row.last_name))),
        ("amount_cents", !w2 || fields.get("amount_cents").and_then(Value::as_u64) == Some(row.cents)),
        ("(another field)", fields.len() == if w2 { 10 } else { 9 }),
    ];
    checks.iter().find(|(_, right)| !right).map(|(name, _)| *name)
}

fn compare(path: &Path, found: [u64; 4], expected: &Expected) -> Result<(), BenchError> {
    let wanted = [expected.rows, expected.sum_cents, expected.active, expected.sum_id];
    match found == wanted {
        true => Ok(()),
        false => {
            let message = format!("rows, cents, active and ids are {found:?}, but must be {wanted:?}");
            Err(BenchError::wrong(path, message))
        }
    }
}

/// Counts and sums of the table `users`.
pub fn sqlite(path: &Path, expected: &Expected) -> Result<(), BenchError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let sql = "SELECT count(*), sum(CAST(round(amount * 100) AS INTEGER)), sum(active), sum(id) FROM users";
    let found = connection.query_row(sql, [], |row| {
        let number = |column| row.get::<_, i64>(column).map(i64::unsigned_abs);
        Ok([number(0)?, number(1)?, number(2)?, number(3)?])
    })?;
    compare(path, found, expected)
}

/// Counts and sums of a Parquet file.
pub fn parquet(path: &Path, expected: &Expected) -> Result<(), BenchError> {
    let reader = SerializedFileReader::new(File::open(path).map_err(BenchError::at(path))?)?;
    let schema = reader.metadata().file_metadata().schema();
    let wanted = ["id", "amount", "active"];
    let fields: Vec<Arc<Type>> = wanted
        .iter()
        .filter_map(|name| schema.get_fields().iter().find(|field| field.name() == *name))
        .cloned()
        .collect();
    let projection = Type::group_type_builder(schema.name()).with_fields(fields).build()?;
    let mut found = [0u64; 4];
    for row in reader.get_row_iter(Some(projection))? {
        let row = row?;
        found[0] += 1;
        found[1] += (row.get_double(1)? * 100.0).round() as u64;
        found[2] += u64::from(row.get_bool(2)?);
        found[3] += u64::try_from(row.get_long(0)?).unwrap_or_default();
    }
    compare(path, found, expected)
}
