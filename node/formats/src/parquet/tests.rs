#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef};
use etl_model::{Batch, json_field};
use tempfile::tempfile;

use super::*;
use crate::FormatError;

const ROWS: i64 = 10_000;

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("n", DataType::Int64, false),
        Field::new("t", DataType::Utf8, true),
        json_field("j", true),
    ]))
}

fn batch(from: i64, to: i64) -> Batch {
    let texts = (from..to)
        .map(|n| (n % 3 > 0).then(|| format!("text {n} {}", n.wrapping_mul(0x1E37_79B9_7F4A_7C15))));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(from..to)),
        Arc::new(texts.collect::<StringArray>()),
        Arc::new(StringArray::from_iter_values((from..to).map(|n| format!("{{\"n\":{n}}}")))),
    ];
    let ordinals = UInt64Array::from_iter_values((from..to).map(|n| n as u64));
    Batch::new(RecordBatch::try_new(schema(), columns).unwrap(), ordinals).unwrap()
}

fn single(name: &str, array: ArrayRef) -> Batch {
    let ordinals = UInt64Array::from_iter_values(0..array.len() as u64);
    let schema = Schema::new(vec![Field::new(name, array.data_type().clone(), true)]);
    Batch::new(RecordBatch::try_new(Arc::new(schema), vec![array]).unwrap(), ordinals).unwrap()
}

/// A file of small row groups holding the rows `from..to`.
fn file(from: i64, to: i64, compression: ParquetCompression) -> File {
    let options = ParquetOptions { compression, row_group_rows: 1000, ..ParquetOptions::default() };
    let mut writer = ParquetWriter::new(tempfile().unwrap(), schema(), &options, None).unwrap();
    for start in (from..to).step_by(777) {
        writer.write(&batch(start, to.min(start + 777))).unwrap();
    }
    let (file, rows) = writer.finish().unwrap();
    assert_eq!(rows, (to - from) as u64);
    file
}

fn read(file: File, from: u64) -> Result<Vec<Batch>, FormatError> {
    let mut reader = ParquetReader::open(file, from, 300, 1 << 20)?;
    let mut batches = Vec::new();
    while let Some(batch) = reader.next()? {
        assert!((1..=300).contains(&batch.len()));
        batches.push(batch);
    }
    Ok(batches)
}

fn rows(batches: &[Batch]) -> RecordBatch {
    arrow::compute::concat_batches(&schema(), batches.iter().map(Batch::records)).unwrap()
}

fn ordinals(batches: &[Batch]) -> Vec<u64> {
    batches.iter().flat_map(|batch| batch.ordinals().values().to_vec()).collect()
}

#[test]
fn rows_survive_every_compression() {
    for compression in [ParquetCompression::None, ParquetCompression::Snappy, ParquetCompression::Zstd] {
        let batches = read(file(0, ROWS, compression), 0).unwrap();
        assert_eq!(&rows(&batches), batch(0, ROWS).records(), "{compression:?}");
        assert_eq!(ordinals(&batches), (0..ROWS as u64).collect::<Vec<_>>());
        assert!(etl_model::is_json(batches[0].schema().field(2)));
    }
}

#[test]
fn reading_goes_on_at_any_row() {
    let file = file(0, ROWS, ParquetCompression::Snappy);
    for from in [0, 1, 299, 300, 999, 1000, 1001, 4500, 8999, 9999] {
        let batches = read(file.try_clone().unwrap(), from).unwrap();
        assert_eq!(ordinals(&batches), (from..ROWS as u64).collect::<Vec<_>>(), "from {from}");
        assert_eq!(&rows(&batches), batch(from as i64, ROWS).records(), "from {from}");
    }
    assert_eq!(read(file.try_clone().unwrap(), ROWS as u64).unwrap(), []);
    let error = read(file, ROWS as u64 + 1).unwrap_err().to_string();
    assert!(error.contains("it has 10000 rows, but reading was to go on at row 10001"), "{error}");
}

#[test]
fn batches_are_cut_by_the_average_row() {
    let mut reader =
        ParquetReader::open(file(0, ROWS, ParquetCompression::None), 0, usize::MAX, 5000).unwrap();
    assert_eq!(reader.rows(), ROWS as u64);
    let first = reader.next().unwrap().unwrap();
    assert!((20..500).contains(&first.len()), "{}", first.len());
}

#[test]
fn parts_are_joined_as_they_are() {
    let bounds = [0, 1, 2500, 2500, ROWS];
    let parts: Vec<_> =
        bounds.windows(2).map(|pair| file(pair[0], pair[1], ParquetCompression::Zstd)).collect();
    let (joined, count) = concatenate(&parts, tempfile().unwrap()).unwrap();
    assert_eq!(count, ROWS as u64);
    let size = |file: &File| file.metadata().unwrap().len();
    assert!(size(&joined) <= parts.iter().map(size).sum());
    let batches = read(joined.try_clone().unwrap(), 0).unwrap();
    assert_eq!(&rows(&batches), batch(0, ROWS).records());
    assert!(etl_model::is_json(batches[0].schema().field(2)));
    assert_eq!(ordinals(&read(joined, 7777).unwrap()), (7777..ROWS as u64).collect::<Vec<_>>());
}

#[test]
fn parts_of_different_columns_are_not_joined() {
    let mut other = ParquetWriter::new(
        tempfile().unwrap(),
        single("n", Arc::new(Int64Array::from(vec![1]))).schema(),
        &ParquetOptions::default(),
        None,
    )
    .unwrap();
    other.write(&single("n", Arc::new(Int64Array::from(vec![1])))).unwrap();
    let parts = [file(0, 10, ParquetCompression::None), other.finish().unwrap().0];
    let error = concatenate(&parts, tempfile().unwrap()).unwrap_err().to_string();
    assert!(error.contains("part 1 has other columns than part 0"), "{error}");
    assert!(concatenate::<File, _>(&[], tempfile().unwrap()).is_err());
}

#[test]
fn a_cut_or_damaged_file_is_refused() {
    let mut file = file(0, ROWS, ParquetCompression::Zstd);
    file.rewind().unwrap();
    let mut whole = Vec::new();
    file.read_to_end(&mut whole).unwrap();
    let open = |data: &[u8]| {
        let mut file = tempfile().unwrap();
        file.write_all(data).unwrap();
        let mut reader = ParquetReader::open(file, 0, 300, 1 << 20)?;
        let mut rows = 0;
        while let Some(batch) = reader.next()? {
            rows += batch.len();
        }
        Ok::<_, FormatError>(rows)
    };
    assert_eq!(open(&whole).unwrap(), ROWS as usize);
    for tenth in 0..10 {
        let error = open(&whole[..whole.len() * tenth / 10]).unwrap_err();
        assert!(matches!(error, FormatError::Invalid { format: "parquet", .. }), "{error}");
    }
    let (mut refused, mut tried) = (0, 0);
    for at in (4..whole.len() - 64).step_by(whole.len() / 40) {
        let mut damaged = whole.clone();
        for byte in &mut damaged[at..at + 64] {
            *byte ^= 0x5A;
        }
        // Pages have no checksum, so damage inside a text can stay unseen; it must never panic or lose rows.
        match open(&damaged) {
            Ok(rows) => assert_eq!(rows, ROWS as usize, "damaged at {at}"),
            Err(FormatError::Invalid { .. }) => refused += 1,
            Err(other) => panic!("damaged at {at}: {other}"),
        }
        tried += 1;
    }
    assert!(refused * 2 > tried, "{refused} of {tried}");
}

#[test]
fn memory_is_bounded_by_the_row_group() {
    let options =
        ParquetOptions { row_group_size: etl_model::ByteSize(1 << 20), ..ParquetOptions::default() };
    let mut writer = ParquetWriter::new(std::io::sink(), schema(), &options, None).unwrap();
    let mut bytes = 0;
    for start in (0..400_000).step_by(20_000) {
        writer.write(&batch(start, start + 20_000)).unwrap();
        assert!(writer.encoded_bytes() >= bytes);
        bytes = writer.encoded_bytes();
        assert!(writer.memory() < 16 << 20, "{}", writer.memory());
    }
    assert!(bytes > 4 << 20);
}

#[test]
fn later_rows_are_brought_to_the_columns_of_the_first_ones() {
    let floats = single("x", Arc::new(Float64Array::from(vec![0.5])));
    let mut writer =
        ParquetWriter::new(tempfile().unwrap(), floats.schema(), &ParquetOptions::default(), None).unwrap();
    writer.write(&floats).unwrap();
    writer.write(&single("x", Arc::new(Int64Array::from(vec![Some(1 << 53), None])))).unwrap();
    writer.write(&single("x", Arc::new(StringArray::from(vec![None::<&str>])))).unwrap();
    let missing = RecordBatch::new_empty(Arc::new(Schema::empty()));
    writer.write(&Batch::new(missing, UInt64Array::from(Vec::<u64>::new())).unwrap()).unwrap();
    let refused = [
        (
            single("x", Arc::new(Int64Array::from(vec![(1 << 53) + 1]))),
            "the column `x` is Int64 in later rows",
        ),
        (single("x", Arc::new(StringArray::from(vec!["1"]))), "the column `x` is Utf8 in later rows"),
        (single("y", Arc::new(Int64Array::from(vec![1]))), "the column `y` appears in later rows only"),
    ];
    for (batch, message) in refused {
        let error = writer.write(&batch).unwrap_err().to_string();
        assert!(error.contains(message) && error.contains("under `schema`"), "{error}");
    }
    let (file, count) = writer.finish().unwrap();
    assert_eq!(count, 4);
    let batches = read(file, 0).unwrap();
    let values: Vec<_> = batches[0].records().column(0).as_primitive::<Float64Type>().iter().collect();
    assert_eq!(values, [Some(0.5), Some(9_007_199_254_740_992.0), None, None]);
}

#[test]
fn other_values_become_json_documents_in_a_json_column() {
    let schema = Arc::new(Schema::new(vec![json_field("j", true)]));
    let mut writer =
        ParquetWriter::new(tempfile().unwrap(), schema, &ParquetOptions::default(), None).unwrap();
    writer.write(&single("j", Arc::new(StringArray::from(vec![Some("a\"b"), None])))).unwrap();
    writer.write(&single("j", Arc::new(Int64Array::from(vec![1])))).unwrap();
    let batches = read(writer.finish().unwrap().0, 0).unwrap();
    let values: Vec<_> = batches[0].records().column(0).as_string::<i32>().iter().collect();
    assert_eq!(values, [Some("\"a\\\"b\""), None, Some("1")]);
}

#[test]
fn a_column_that_must_not_be_null_stays_so() {
    let mut writer =
        ParquetWriter::new(tempfile().unwrap(), schema(), &ParquetOptions::default(), None).unwrap();
    let error = writer.write(&single("n", Arc::new(Int64Array::from(vec![None])))).unwrap_err().to_string();
    assert!(error.contains("the column `n` holds null in later rows"), "{error}");
    let error = writer.write(&single("t", Arc::new(StringArray::from(vec!["a"])))).unwrap_err().to_string();
    assert!(error.contains("the column `n` is missing"), "{error}");
}

#[test]
fn small_row_groups_are_refused() {
    assert_eq!(ParquetOptions::default().faults(), []);
    let options =
        ParquetOptions { row_group_size: etl_model::ByteSize(10), row_group_rows: 1, ..Default::default() };
    let faults: Vec<_> = options.faults().iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        [
            "row_group_size: 10B is too small for a row group",
            "row_group_rows: 1 rows are too few for a row group"
        ]
    );
}
