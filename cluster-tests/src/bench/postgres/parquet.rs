use std::borrow::Cow;
use std::fs::File;
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Decimal128Type, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::Deserialize;
use xxhash_rust::xxh3::xxh3_64;

use crate::bench::BenchError;
use crate::bench::dataset::Rows;

/// 2024-01-01 in UTC, in microseconds since 1970.
const NARROW_START: i64 = 1_704_067_200_000_000;
/// Microseconds from one row of `narrow` to the next.
const NARROW_STEP: i64 = 1_000_003;

/// The column `attributes`, in any order of its fields and with any blanks between them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attributes<'a> {
    #[serde(borrow)]
    plan: Cow<'a, str>,
    score: u64,
    #[serde(borrow)]
    tags: [Cow<'a, str>; 1],
}

/// The rows that have been seen, by their ids from 1 on, in any order.
struct Seen<'a> {
    path: &'a Path,
    ids: Vec<bool>,
    rows: u64,
}

impl<'a> Seen<'a> {
    fn new(path: &'a Path, rows: u64) -> Self {
        Self { path, ids: vec![false; usize::try_from(rows).unwrap_or(usize::MAX)], rows: 0 }
    }

    /// The index of a row that was not seen before.
    fn take(&mut self, id: i64) -> Result<usize, BenchError> {
        let index = usize::try_from(id).ok().and_then(|id| id.checked_sub(1));
        match index.and_then(|index| Some((index, self.ids.get_mut(index)?))) {
            Some((index, seen)) if !*seen => {
                *seen = true;
                self.rows += 1;
                Ok(index)
            }
            Some(_) => Err(BenchError::wrong(self.path, format!("row {id} is there twice"))),
            None => Err(BenchError::wrong(self.path, format!("there is no row {id}"))),
        }
    }

    fn complete(&self) -> Result<(), BenchError> {
        match self.ids.iter().position(|seen| !seen) {
            None => Ok(()),
            Some(index) => Err(BenchError::wrong(
                self.path,
                format!("{} of {} rows are there, not row {}", self.rows, self.ids.len(), index + 1),
            )),
        }
    }
}

fn column(path: &Path, batch: &RecordBatch, name: &str, wanted: &DataType) -> Result<ArrayRef, BenchError> {
    let found = batch.column_by_name(name);
    let array = found.ok_or_else(|| BenchError::wrong(path, format!("there is no column `{name}`")))?;
    if array.null_count() > 0 {
        return Err(BenchError::wrong(path, format!("the column `{name}` has nulls")));
    }
    let cast = cast(array, wanted)?;
    match cast.null_count() {
        0 => Ok(cast),
        _ => Err(BenchError::wrong(path, format!("values of `{name}` are no {wanted}"))),
    }
}

fn batches(
    path: &Path,
    columns: usize,
) -> Result<impl Iterator<Item = Result<RecordBatch, BenchError>>, BenchError> {
    let file = File::open(path).map_err(BenchError::at(path))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)?;
    match reader.schema().fields().len() {
        found if found == columns => Ok(reader.build()?.map(|batch| batch.map_err(BenchError::from))),
        found => Err(BenchError::wrong(path, format!("there are {found} columns, not {columns}"))),
    }
}

fn microseconds() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()))
}

/// A checksum of the fields of a row of `users` but its id.
fn fingerprint(texts: [&str; 5], cents: i128, active: bool, attributes: &str) -> Result<u64, BenchError> {
    let Attributes { plan, score, tags: [tag] } = serde_json::from_str(attributes)?;
    // No field has this separator.
    let row =
        format!("{}\u{1f}{cents}\u{1f}{active}\u{1f}{plan}\u{1f}{score}\u{1f}{tag}", texts.join("\u{1f}"));
    Ok(xxh3_64(row.as_bytes()))
}

/// Every field of every row of `users`, in any order, against the rows generated again. Tools differ in the types of
/// amounts and times; all that hold them exactly, or as a double, are accepted.
pub fn users(path: &Path, rows: u64) -> Result<(), BenchError> {
    let expected = Rows::new(rows)
        .map(|row| {
            let texts = [row.first_name, row.last_name, &row.email, row.country, &row.created_at];
            fingerprint(texts, row.cents.into(), row.active, &row.attributes)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut seen = Seen::new(path, rows);
    for batch in batches(path, 9)? {
        let batch = batch?;
        let texts = |name: &str| column(path, &batch, name, &DataType::Utf8);
        let ids = column(path, &batch, "id", &DataType::Int64)?;
        let amounts = column(path, &batch, "amount", &DataType::Decimal128(12, 2))?;
        let active = column(path, &batch, "active", &DataType::Boolean)?;
        let created_at = cast(&column(path, &batch, "created_at", &microseconds())?, &DataType::Utf8)?;
        let columns =
            [texts("first_name")?, texts("last_name")?, texts("email")?, texts("country")?, created_at];
        let attributes = texts("attributes")?;
        for row in 0..batch.num_rows() {
            let id = ids.as_primitive::<Int64Type>().value(row);
            let index = seen.take(id)?;
            let found = fingerprint(
                columns.each_ref().map(|column| column.as_string::<i32>().value(row)),
                amounts.as_primitive::<Decimal128Type>().value(row),
                active.as_boolean().value(row),
                attributes.as_string::<i32>().value(row),
            )?;
            if expected.get(index) != Some(&found) {
                let shown = format!("{:?}", batch.slice(row, 1).columns());
                return Err(BenchError::wrong(path, format!("row {id} is {shown}")));
            }
        }
    }
    seen.complete()
}

/// Every field of every row of `narrow`, in any order.
pub fn narrow(path: &Path, rows: u64) -> Result<(), BenchError> {
    let mut seen = Seen::new(path, rows);
    for batch in batches(path, 3)? {
        let batch = batch?;
        let ids = column(path, &batch, "id", &DataType::Int64)?;
        let values = column(path, &batch, "v", &DataType::Float64)?;
        let times = column(path, &batch, "ts", &microseconds())?;
        let values = values.as_primitive::<Float64Type>().values();
        let times = times.as_primitive::<TimestampMicrosecondType>().values();
        for ((&id, &value), &time) in ids.as_primitive::<Int64Type>().values().iter().zip(values).zip(times) {
            seen.take(id)?;
            let (wanted_value, wanted_time) = (id as f64 / 7.0, NARROW_START + id * NARROW_STEP);
            if value.to_bits() != wanted_value.to_bits() || time != wanted_time {
                let message =
                    format!("row {id} is {value}, {time}, but must be {wanted_value}, {wanted_time}");
                return Err(BenchError::wrong(path, message));
            }
        }
    }
    seen.complete()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        BooleanArray, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray, UInt64Array,
    };
    use arrow::compute::take_record_batch;
    use parquet::arrow::ArrowWriter;

    use super::*;

    fn written(batch: &RecordBatch) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = ArrowWriter::try_new(file.reopen().unwrap(), batch.schema(), None).unwrap();
        writer.write(batch).unwrap();
        writer.close().unwrap();
        file
    }

    /// With attributes as `jsonb` writes them, and with amounts of a type.
    fn users_batch(rows: u64, amounts: &DataType) -> RecordBatch {
        let rows: Vec<_> = Rows::new(rows).collect();
        let texts = |field: fn(&crate::bench::dataset::Row) -> String| -> ArrayRef {
            Arc::new(rows.iter().map(|row| Some(field(row))).collect::<StringArray>())
        };
        let cents: ArrayRef =
            Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.cents as f64 / 100.0)));
        RecordBatch::try_from_iter([
            ("id", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.id as i64))) as ArrayRef),
            ("first_name", texts(|row| row.first_name.to_owned())),
            ("last_name", texts(|row| row.last_name.to_owned())),
            ("email", texts(|row| row.email.clone())),
            ("country", texts(|row| row.country.to_owned())),
            ("amount", cast(&cents, amounts).unwrap()),
            ("created_at", cast(&texts(|row| row.created_at.clone()), &microseconds()).unwrap()),
            ("active", Arc::new(rows.iter().map(|row| Some(row.active)).collect::<BooleanArray>())),
            (
                "attributes",
                texts(|row| {
                    let value: serde_json::Value = serde_json::from_str(&row.attributes).unwrap();
                    let (plan, score, tags) = (&value["plan"], &value["score"], &value["tags"]);
                    format!("{{\"plan\": {plan}, \"tags\": {tags}, \"score\": {score}}}")
                }),
            ),
        ])
        .unwrap()
    }

    fn picked(batch: &RecordBatch, rows: &[u64]) -> RecordBatch {
        take_record_batch(batch, &UInt64Array::from(rows.to_vec())).unwrap()
    }

    #[test]
    fn users_are_right_in_any_order_and_type() {
        for amounts in [DataType::Decimal128(12, 2), DataType::Float64, DataType::Decimal128(38, 10)] {
            let batch = picked(&users_batch(4, &amounts), &[2, 0, 3, 1]);
            users(written(&batch).path(), 4).unwrap();
        }
    }

    #[test]
    fn users_with_a_fault_are_wrong() {
        let right = users_batch(4, &DataType::Decimal128(12, 2));
        let fault = |batch: &RecordBatch, told: &str| {
            let error = users(written(batch).path(), 4).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        };
        fault(&picked(&right, &[0, 1, 3]), "3 of 4 rows are there, not row 3");
        fault(&picked(&right, &[0, 1, 1]), "row 2 is there twice");
        fault(&users_batch(5, &DataType::Float64), "there is no row 5");
        fault(&right.project(&[0, 1]).unwrap(), "2 columns");
        // Another row's value in every column but the id.
        for column in 1..9 {
            let mut columns = right.columns().to_vec();
            columns[column] = Arc::clone(picked(&right, &[2, 3, 0, 1]).column(column));
            fault(&RecordBatch::try_new(right.schema(), columns).unwrap(), " is [");
        }
    }

    fn narrow_batch(ids: &[i64], change: f64) -> RecordBatch {
        let times = ids.iter().map(|id| NARROW_START + id * NARROW_STEP);
        RecordBatch::try_from_iter([
            ("id", Arc::new(Int64Array::from(ids.to_vec())) as ArrayRef),
            ("v", Arc::new(Float64Array::from_iter_values(ids.iter().map(|id| *id as f64 / 7.0 + change)))),
            ("ts", Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))),
        ])
        .unwrap()
    }

    #[test]
    fn narrow_rows_are_compared_to_the_last_bit() {
        narrow(written(&narrow_batch(&[3, 1, 2], 0.0)).path(), 3).unwrap();
        assert!(narrow(written(&narrow_batch(&[3, 1, 2], f64::EPSILON)).path(), 3).is_err());
        assert!(narrow(written(&narrow_batch(&[3, 1], 0.0)).path(), 3).is_err());
        assert!(narrow(written(&narrow_batch(&[3, 1, 1], 0.0)).path(), 3).is_err());
        assert!(narrow(written(&narrow_batch(&[0], 0.0)).path(), 3).is_err());
    }
}
