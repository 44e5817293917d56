#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array,
    RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::{Int64Type, Schema};
use etl_model::{Batch, RecordError};
use proptest::prelude::*;

use super::*;
use crate::{Decoder, FormatError, Section, Splitter, TextEncoder};

fn schema(columns: &[(&str, ColumnType)]) -> Schema {
    Schema::new(columns.iter().map(|(name, column_type)| column_type.field(name)).collect::<Vec<_>>())
}

fn texts(width: usize) -> Schema {
    Schema::new((0..width).map(|i| ColumnType::String.field(&format!("c{i}"))).collect::<Vec<_>>())
}

fn section(data: &[u8]) -> Section<'_> {
    Section { data, offset: 100, line: 2, origin: "in.csv" }
}

fn decoded(decoder: &CsvDecoder, data: &[u8]) -> (Vec<Batch>, Vec<RecordError>) {
    decoder.decode(section(data)).unwrap()
}

fn decoder(columns: &[(&str, ColumnType)]) -> CsvDecoder {
    CsvDecoder::new(Arc::new(schema(columns)), Dialect::default()).unwrap()
}

fn no_quotes() -> Dialect {
    Dialect::new(&CsvOptions { quote: String::new(), ..CsvOptions::default() }).unwrap()
}

fn null_token(token: &str) -> Dialect {
    Dialect::new(&CsvOptions { null_tokens: vec![token.to_owned()], ..CsvOptions::default() }).unwrap()
}

fn strings(batch: &Batch, column: usize) -> Vec<Option<&str>> {
    batch.records().column(column).as_string::<i32>().iter().collect()
}

#[test]
fn values_nulls_and_empty_texts_are_told_apart() {
    let decoder = decoder(&[("n", ColumnType::Int), ("t", ColumnType::String)]);
    let (batches, errors) = decoded(&decoder, b"1,a\n,\n\"\",\"\"\r\n\"4\",\" b\"\"\"\n5,x\"y");
    assert_eq!(errors, []);
    assert_eq!(batches.len(), 1);
    let numbers: Vec<_> = batches[0].records().column(0).as_primitive::<Int64Type>().iter().collect();
    assert_eq!(numbers, [Some(1), None, None, Some(4), Some(5)]);
    assert_eq!(strings(&batches[0], 1), [Some("a"), None, Some(""), Some(" b\""), Some("x\"y")]);
    assert_eq!(batches[0].ordinals().values(), &[100, 104, 106, 113, 124]);
}

#[test]
fn one_malformed_record_is_one_error_and_the_others_come_out() {
    let decoder = decoder(&[("id", ColumnType::Int), ("a", ColumnType::Float), ("t", ColumnType::String)]);
    let data = b"1,1.5,\"x\ny\"\n\
        2,oops,z\n\
        \n\
        007,nope,\"bad\"x\n\
        4,1\n\
        5,1,2,3\n\
        6,2,\"a\"b\n\
        7,3,\xFF\xFE\n\
        8,4.25,\"ok\"\n";
    let (batches, errors) = decoded(&decoder, data);
    assert_eq!(batches.len(), 1);
    assert_eq!(strings(&batches[0], 2), [Some("x\ny"), Some("ok")]);
    assert_eq!(batches[0].ordinals().values(), &[100, 166]);
    let seen: Vec<_> = errors
        .iter()
        .map(|error| {
            let location = error.location.as_ref().unwrap();
            assert_eq!(location.origin, "in.csv");
            assert!(error.help.is_some());
            let place = (location.line.unwrap(), location.column.unwrap());
            (error.ordinal, error.code.as_str(), error.field.as_deref(), place)
        })
        .collect();
    assert_eq!(
        seen,
        [
            (112, "csv_invalid_value", Some("a"), (4, 3)),
            (122, "csv_invalid_value", Some("id"), (6, 1)),
            (138, "csv_field_count", None, (7, 1)),
            (142, "csv_field_count", None, (8, 7)),
            (150, "csv_text_after_quote", Some("t"), (9, 8)),
            (159, "csv_invalid_utf8", Some("t"), (10, 5)),
        ]
    );
    assert_eq!(errors[0].message, "column `a`: `oops` is not a number");
    assert_eq!(errors[0].record, serde_json::json!("2,oops,z"));
    assert!(errors[0].help.as_ref().unwrap().contains("declare the column as string under `schema`"));
    assert_eq!(errors[2].message, "the record has 2 fields, not 3");
    assert_eq!(errors[3].message, "the record has 4 fields, not 3; the first one too many begins `3`");
    assert_eq!(errors[5].record, serde_json::json!("7,3,\u{fffd}\u{fffd}"));
}

#[test]
fn declared_types_are_read_generously_and_exactly() {
    let columns = [
        ("i", ColumnType::Int),
        ("f", ColumnType::Float),
        ("b", ColumnType::Boolean),
        ("d", ColumnType::Date),
        ("t", ColumnType::Timestamp),
        ("m", ColumnType::Decimal { precision: 5, scale: 2 }),
        ("j", ColumnType::Json),
    ];
    let row = b" 007,+.5,YES,2024-02-29,2024-02-29 12:00:00.25,-1.5,\"{\"\"a\"\":[1]}\"\n";
    let inferred = decoder(&columns);
    assert_eq!(decoded(&inferred, row).1.len(), 1);
    let declared = inferred.with_declared(columns.map(|(name, _)| name));
    let (batches, errors) = decoded(&declared, row);
    assert_eq!(errors, []);
    let expected: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![7])),
        Arc::new(Float64Array::from(vec![0.5])),
        Arc::new(BooleanArray::from(vec![true])),
        Arc::new(Date32Array::from(vec![19782])),
        Arc::new(TimestampMicrosecondArray::from(vec![1_709_208_000_250_000]).with_timezone("UTC")),
        Arc::new(Decimal128Array::from(vec![-150]).with_precision_and_scale(5, 2).unwrap()),
        Arc::new(StringArray::from(vec!["{\"a\":[1]}"])),
    ];
    assert_eq!(batches[0].records().columns(), expected);
    for bad in
        ["1,1,1,1,2024-02-29T00:00:00Z,1,1\n", "1,1,1,,,1.005,1\n", "1,1,1,,,1000,1\n", "1,1,1,,,1,{\n"]
    {
        let (batches, errors) = decoded(&declared, bad.as_bytes());
        assert_eq!((batches.len(), errors.len()), (0, 1), "{bad}");
        assert!(errors[0].help.as_ref().unwrap().starts_with("correct the value"), "{bad}");
    }
}

#[test]
fn a_value_that_must_not_be_null_is_an_error() {
    let schema = Schema::new(vec![ColumnType::Int.field("n").with_nullable(false)]);
    let decoder = CsvDecoder::new(Arc::new(schema), Dialect::default()).unwrap();
    let (batches, errors) = decoded(&decoder, b"1\n\"\"\n3\n");
    assert_eq!(batches[0].ordinals().values(), &[100, 105]);
    assert_eq!(errors[0].code, "csv_missing_value");
}

#[test]
fn other_dialects() {
    let decoder = CsvDecoder::new(Arc::new(texts(2)), no_quotes()).unwrap();
    let (batches, errors) = decoded(&decoder, b"\"a,b\"\n\"\"\"\",\n");
    assert_eq!(errors, []);
    assert_eq!(strings(&batches[0], 0), [Some("\"a"), Some("\"\"\"\"")]);
    assert_eq!(strings(&batches[0], 1), [Some("b\""), None]);
    let decoder = CsvDecoder::new(Arc::new(texts(3)), null_token("NULL")).unwrap();
    let (batches, _) = decoded(&decoder, b"NULL,,\"NULL\"\n");
    assert_eq!(strings(&batches[0], 0), [None]);
    assert_eq!(strings(&batches[0], 1), [Some("")]);
    assert_eq!(strings(&batches[0], 2), [Some("NULL")]);
}

#[test]
fn an_open_quote_is_truncation() {
    let mut splitter = CsvSplitter::new(&Dialect::default());
    let data = b"1,\"a\n\"\n2,\"b\n";
    assert_eq!(splitter.split(data, false).unwrap(), 7);
    let error = splitter.split(&data[7..], true).unwrap_err();
    assert!(matches!(error, FormatError::Truncated { line: 3, .. }), "{error}");
    let (batches, errors) = decoded(&decoder(&[("a", ColumnType::Int), ("b", ColumnType::String)]), data);
    assert_eq!(batches[0].len(), 1);
    assert_eq!(errors[0].code, "csv_open_quote");
}

#[test]
fn a_file_without_columns_has_no_rows() {
    let (batches, errors) = decoded(&decoder(&[]), b"\n\nx\n");
    assert_eq!((batches.len(), errors.len()), (0, 1));
    assert_eq!(decoded(&decoder(&[]), b""), (vec![], vec![]));
}

#[test]
fn what_cannot_be_read_back_is_refused() {
    let encode = |dialect: Dialect, values: Vec<Option<&str>>| {
        let array: ArrayRef = Arc::new(StringArray::from(values));
        let ordinals = UInt64Array::from_iter_values(0..array.len() as u64);
        let batch = Batch::new(RecordBatch::try_from_iter([("t", array)]).unwrap(), ordinals).unwrap();
        let mut out = Vec::new();
        let errors = CsvEncoder::new(dialect).encode(&batch, &mut out).unwrap();
        let codes: Vec<_> = errors.into_iter().map(|error| (error.ordinal, error.code)).collect();
        (String::from_utf8(out).unwrap(), codes)
    };
    let refused = |ordinal: u64, code: &str| (ordinal, code.to_owned());
    assert_eq!(
        encode(Dialect::default(), vec![Some("a"), None, Some("")]),
        ("a\n\"\"\n".to_owned(), vec![refused(1, "csv_null")])
    );
    assert_eq!(
        encode(no_quotes(), vec![Some("a,b"), Some("a\"b"), Some("\n")]),
        ("a\"b\n".to_owned(), vec![refused(0, "csv_needs_quotes"), refused(2, "csv_needs_quotes")])
    );
    assert_eq!(
        encode(null_token("NULL"), vec![Some("NULL"), None, Some("")]),
        ("\"NULL\"\nNULL\n\"\"\n".to_owned(), vec![])
    );
    let none = Dialect::new(&CsvOptions { null_tokens: vec![], ..CsvOptions::default() }).unwrap();
    assert_eq!(encode(none, vec![None, Some("")]), ("\"\"\n".to_owned(), vec![refused(0, "csv_null")]));
}

#[test]
fn the_header_is_quoted_where_it_must() {
    let schema = Schema::new(vec![ColumnType::Int.field("a,b"), ColumnType::Int.field("c")]);
    let header = CsvEncoder::new(Dialect::default()).header(&schema).unwrap();
    assert_eq!(&*header, b"\"a,b\",c\n");
    let (names, length) = read_header(&header, &Dialect::default(), true).unwrap().unwrap();
    assert_eq!((names, length), (vec!["a,b".to_owned(), "c".to_owned()], header.len()));
    let headless = Dialect::new(&CsvOptions { header: false, ..CsvOptions::default() }).unwrap();
    assert_eq!(CsvEncoder::new(headless).header(&schema), None);
}

/// All records as text with their ordinals, and the ordinals of the errors, however the data is cut.
fn read_in_chunks(
    data: &[u8],
    dialect: &Dialect,
    width: usize,
    chunk: usize,
) -> Result<Vec<(u64, String)>, String> {
    let decoder = CsvDecoder::new(Arc::new(texts(width)), dialect.clone()).unwrap();
    let mut splitter = CsvSplitter::new(dialect);
    let (mut start, mut end, mut line) = (0, 0, 1);
    let mut found = Vec::new();
    loop {
        end = (end + chunk).min(data.len());
        let length =
            splitter.split(&data[start..end], end == data.len()).map_err(|error| error.to_string())?;
        let section = Section { data: &data[start..start + length], offset: start as u64, line, origin: "" };
        let (batches, errors) = decoder.decode(section).unwrap();
        for batch in batches {
            for row in 0..batch.len() {
                let record = batch.slice(row, 1);
                let values: Vec<_> =
                    (0..width).map(|column| format!("{:?}", strings(&record, column)[0])).collect();
                found.push((record.ordinals().value(0), values.join("|")));
            }
        }
        found.extend(errors.into_iter().map(|error| {
            let location = error.location.unwrap();
            (
                error.ordinal,
                format!("{} {:?} {:?} {}", error.code, location.line, location.column, error.record),
            )
        }));
        line += data[start..start + length].iter().filter(|&&b| b == b'\n').count() as u64;
        start += length;
        if end == data.len() {
            assert_eq!(start, end);
            found.sort();
            return Ok(found);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_way_of_cutting_reads_the_same(text in "([ab,\"\\r\\n]|\"[a,\\n]*\"|\u{fc}|\n|,|\"\"){0,60}", width in 1usize..4) {
        for dialect in [Dialect::default(), no_quotes()] {
            let whole = read_in_chunks(text.as_bytes(), &dialect, width, usize::MAX / 2);
            for chunk in 1..=text.len().max(1) {
                prop_assert_eq!(&read_in_chunks(text.as_bytes(), &dialect, width, chunk), &whole, "chunks of {}", chunk);
            }
        }
    }

    #[test]
    fn any_bytes_are_records_or_errors(data in prop::collection::vec(any::<u8>(), 0..400), width in 0usize..5) {
        let columns = [ColumnType::Int, ColumnType::Float, ColumnType::Timestamp, ColumnType::Json, ColumnType::String];
        let fields: Vec<_> = columns[..width].iter().map(|column| column.field(&column.to_string())).collect();
        let decoder = CsvDecoder::new(Arc::new(Schema::new(fields)), Dialect::default()).unwrap();
        let (batches, errors) = decoder.decode(section(&data)).unwrap();
        let mut ordinals: Vec<_> = batches.iter().flat_map(|batch| batch.ordinals().values().to_vec()).collect();
        prop_assert!(ordinals.is_sorted());
        ordinals.extend(errors.iter().map(|error| error.ordinal));
        ordinals.sort_unstable();
        let count = ordinals.len();
        ordinals.dedup();
        prop_assert_eq!(ordinals.len(), count);
        let names: Vec<_> = (0..width).map(|i| i.to_string()).collect();
        prop_assert_eq!(infer(section(&data), &Dialect::default(), &names, 100).fields().len(), width);
        let _ = read_header(&data, &Dialect::default(), true);
    }

    #[test]
    fn what_was_written_reads_the_same(
        rows in prop::collection::vec(
            (
                prop::option::of(any::<i64>()),
                prop::option::of(any::<f64>().prop_filter("NaN has many forms", |value| !value.is_nan())),
                prop::option::of(any::<bool>()),
                prop::option::of("[a,\"\\r\\n\u{feff}\u{1F600}NUL0-]{0,12}"),
                prop::option::of(0i64..4_000_000_000_000_000),
                prop::option::of(-100_000i32..100_000),
                prop::option::of(-99_999i128..99_999),
            ),
            1..40,
        ),
        options in prop::sample::select(vec![(",", "\"", ""), ("tab", "'", "NULL"), ("-", "\"", "0"), (".", "-", "N")]),
    ) {
        let (delimiter, quote, token) = options;
        let dialect = Dialect::new(&CsvOptions {
            delimiter: delimiter.to_owned(),
            quote: quote.to_owned(),
            null_tokens: vec![token.to_owned()],
            ..CsvOptions::default()
        }).unwrap();
        let columns = [
            ("i", ColumnType::Int),
            ("f", ColumnType::Float),
            ("b", ColumnType::Boolean),
            ("s,\"", ColumnType::String),
            ("t", ColumnType::Timestamp),
            ("d", ColumnType::Date),
            ("m", ColumnType::Decimal { precision: 5, scale: 2 }),
        ];
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>()),
            Arc::new(rows.iter().map(|row| row.1).collect::<Float64Array>()),
            Arc::new(rows.iter().map(|row| row.2).collect::<BooleanArray>()),
            Arc::new(rows.iter().map(|row| row.3.clone()).collect::<StringArray>()),
            Arc::new(rows.iter().map(|row| row.4).collect::<TimestampMicrosecondArray>().with_timezone("UTC")),
            Arc::new(rows.iter().map(|row| row.5).collect::<Date32Array>()),
            Arc::new(rows.iter().map(|row| row.6).collect::<Decimal128Array>().with_precision_and_scale(5, 2).unwrap()),
        ];
        let schema = Arc::new(schema(&columns));
        let records = RecordBatch::try_new(Arc::clone(&schema), arrays).unwrap();
        let ordinals = UInt64Array::from_iter_values(0..rows.len() as u64);
        let encoder = CsvEncoder::new(dialect.clone());
        let mut out = encoder.header(&schema).unwrap().to_vec();
        let errors = encoder.encode(&Batch::new(records.clone(), ordinals).unwrap(), &mut out).unwrap();
        prop_assert_eq!(errors, vec![]);
        let (names, start) = read_header(&out, &dialect, true).unwrap().unwrap();
        prop_assert_eq!(names, columns.map(|(name, _)| name.to_owned()));
        let decoder = CsvDecoder::new(schema, dialect).unwrap().with_declared(["i", "f", "b", "t", "d", "m"]);
        let (batches, errors) = decoder.decode(section(&out[start..])).unwrap();
        prop_assert_eq!(errors, vec![]);
        prop_assert_eq!(batches[0].records(), &records);
    }
}
