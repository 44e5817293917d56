use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder, StructArray,
    TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Fields, Schema};
use arrow::error::ArrowError;
use etl_model::Batch;
use fastrand::Rng;
use parquet::arrow::ArrowWriter;

use crate::bench::BenchError;

/// Rows of a batch: what the engine cuts out of a file at once, 1 MiB, has about so many.
const BATCH: u64 = 8192;
/// The rows of a customer, on average.
const ROWS_PER_CUSTOMER: u64 = 4;

/// The columns of the data.
pub const COLUMNS: [&str; 19] = [
    "id",
    "amount",
    "quantity",
    "discount",
    "country",
    "customer",
    "first_name",
    "last_name",
    "email",
    "phone",
    "comment",
    "created",
    "price",
    "units",
    "ratio",
    "tags",
    "address",
    "document",
    "line",
];
/// The values of `country`.
pub const COUNTRIES: [&str; 20] = [
    "DE", "FR", "IT", "ES", "PL", "NL", "BE", "AT", "CH", "SE", "NO", "DK", "FI", "PT", "CZ", "US", "CA",
    "GB", "JP", "BR",
];
const FIRST_NAMES: [&str; 8] = ["Anna", "Ben", "Carla", "Maximilian", "José", "Müge", "Søren", "Ida"];
const LAST_NAMES: [&str; 8] =
    ["Meyer", "O'Brien", "Schröder", "Zimmermann", "García", "Nguyen", "Kowalski", "Li"];
const WORDS: [&str; 8] = ["delivered", "to", "the", "neighbour", "because", "nobody", "answered", "again"];

/// The rows of all cases, the same in every run; each value depends on nothing but its column and row.
#[derive(Debug, Clone, Copy)]
pub struct Data {
    pub rows: u64,
}

impl Data {
    /// Some of the columns, in batches of the engine's usual size.
    pub fn batches(self, columns: &[&str]) -> Result<Vec<Batch>, BenchError> {
        let starts = (0..self.rows).step_by(usize::try_from(BATCH).unwrap_or(usize::MAX));
        starts
            .map(|start| {
                let rows = start..self.rows.min(start + BATCH);
                let records = self.records(columns, rows.clone())?;
                let ordinals = UInt64Array::from_iter_values(rows);
                Batch::new(records, ordinals)
                    .map_err(|error| BenchError::transformation("the data", error.to_string()))
            })
            .collect()
    }

    /// Writes all columns to one Parquet file.
    pub fn write_parquet(self, path: &Path) -> Result<(), BenchError> {
        let file = File::create(path).map_err(BenchError::at(path))?;
        let mut writer: Option<ArrowWriter<File>> = None;
        for batch in self.batches(&COLUMNS)? {
            if writer.is_none() {
                let file = file.try_clone().map_err(BenchError::at(path))?;
                writer = Some(ArrowWriter::try_new(file, batch.schema(), None)?);
            }
            if let Some(writer) = &mut writer {
                writer.write(batch.records())?;
            }
        }
        writer.map_or(Ok(()), |writer| Ok(writer.close().map(drop)?))
    }

    fn records(self, columns: &[&str], rows: std::ops::Range<u64>) -> Result<RecordBatch, ArrowError> {
        let arrays: Vec<ArrayRef> = columns.iter().map(|name| self.column(name, rows.clone())).collect();
        let field =
            |(name, array): (&&str, &ArrayRef)| Field::new(*name, array.data_type().clone(), *name != "id");
        let fields: Vec<Field> = columns.iter().zip(&arrays).map(field).collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
    }

    fn column(self, name: &str, rows: std::ops::Range<u64>) -> ArrayRef {
        let place = COLUMNS.iter().position(|column| *column == name).unwrap_or(COLUMNS.len()) as u64;
        let values = rows.map(|row| (row, Rng::with_seed((row << 8) | place)));
        let texts = |text: &dyn Fn(u64, &mut Rng) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(values.clone().map(|(row, mut rng)| text(row, &mut rng))))
        };
        match name {
            "id" => Arc::new(Int64Array::from_iter_values(values.map(|(row, _)| (row as i64) + 1))),
            "amount" => Arc::new(Float64Array::from_iter_values(
                values.map(|(_, mut rng)| f64::from(rng.u32(0..100_000)) / 100.0),
            )),
            "quantity" => Arc::new(Int64Array::from_iter_values(values.map(|(_, mut rng)| rng.i64(1..=100)))),
            "discount" => Arc::new(Float64Array::from_iter(
                values.map(|(_, mut rng)| (rng.u8(0..10) > 0).then(|| f64::from(rng.u8(0..50)) / 100.0)),
            )),
            "country" => texts(&|_, rng| one_of(&COUNTRIES, rng)),
            "customer" => {
                let customers = (self.rows / ROWS_PER_CUSTOMER).max(1);
                texts(&|_, rng| format!("customer-{:07}", rng.u64(0..customers)))
            }
            "first_name" => texts(&|_, rng| one_of(&FIRST_NAMES, rng)),
            "last_name" => texts(&|_, rng| one_of(&LAST_NAMES, rng)),
            "email" => texts(&|row, rng| format!("User{row}@example{}.com", rng.u8(0..100))),
            "phone" => texts(&|_, rng| phone(rng)),
            "comment" => texts(&|_, rng| {
                let words: Vec<String> = (0..rng.u8(8..20)).map(|_| one_of(&WORDS, rng)).collect();
                format!("{} {} {}", words.join(" "), phone(rng), one_of(&WORDS, rng))
            }),
            "created" => texts(&|_, rng| {
                let [month, day, hour] = [rng.u8(1..=12), rng.u8(1..=28), rng.u8(0..24)];
                format!("2024-{month:02}-{day:02}T{hour:02}:{:02}:{:02}Z", rng.u8(0..60), rng.u8(0..60))
            }),
            "price" => texts(&|_, rng| format!("{}.{:02}", rng.u32(0..10_000), rng.u8(0..100))),
            "units" => texts(&|_, rng| rng.i32(-1_000_000..1_000_000).to_string()),
            "ratio" => texts(&|_, rng| format!("0.{:06}", rng.u32(0..1_000_000))),
            "tags" => tags(values),
            "address" => {
                let city = texts(&|_, rng| format!("{}ville", one_of(&LAST_NAMES, rng)));
                let zip = texts(&|row, rng| format!("{:05}", (row + rng.u64(0..90_000)) % 100_000));
                let fields = ["city", "zip"].map(|name| Field::new(name, DataType::Utf8, true));
                Arc::new(StructArray::new(Fields::from(fields.to_vec()), vec![city, zip], None))
            }
            "document" => texts(&|row, rng| {
                let (page, clicks) = (one_of(&WORDS, rng), rng.u16(0..1000));
                format!("{{\"page\":\"/{page}/{row}\",\"clicks\":{clicks},\"seen\":{{\"first\":true}}}}")
            }),
            "line" => texts(&|_, rng| {
                let [a, b, c] = [rng.u8(..), rng.u8(..), rng.u8(..)];
                format!("10.{a}.{b}.{c} [2024-05-{:02}] {}", rng.u8(1..=28), rng.u16(100..600))
            }),
            _ => Arc::new(TimestampMicrosecondArray::new_null(values.count())),
        }
    }
}

fn one_of(values: &[&str], rng: &mut Rng) -> String {
    rng.choice(values).copied().unwrap_or_default().to_owned()
}

fn phone(rng: &mut Rng) -> String {
    format!("{:03}-{:04}", rng.u16(0..1000), rng.u16(0..10_000))
}

/// One to three texts in each row.
fn tags(values: impl Iterator<Item = (u64, Rng)>) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new());
    for (_, mut rng) in values {
        for _ in 0..rng.u8(1..=3) {
            builder.values().append_value(one_of(&WORDS, &mut rng));
        }
        builder.append(true);
    }
    Arc::new(builder.finish())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_value_depends_on_its_column_and_row_alone() {
        let data = Data { rows: BATCH + 10 };
        let all = data.batches(&COLUMNS).unwrap();
        assert_eq!(all.iter().map(Batch::len).collect::<Vec<_>>(), [BATCH as usize, 10]);
        let some = data.batches(&["line", "id"]).unwrap();
        for (all, some) in all.iter().zip(&some) {
            assert_eq!(all.ordinals(), some.ordinals());
            for name in ["line", "id"] {
                assert_eq!(all.records().column_by_name(name), some.records().column_by_name(name));
            }
        }
        let known =
            |name: &&str| all[0].records().column_by_name(name).unwrap().null_count() < BATCH as usize;
        assert!(COLUMNS.iter().all(known), "each column has values");
    }
}
