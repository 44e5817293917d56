//! The Arrow values of each kind that is not text, with nulls, and the values Arrow cannot hold.

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    Time64MicrosecondType, TimeUnit, TimestampMicrosecondType, UInt32Type, UInt64Type,
};

use super::{column, hex, tuples};
use crate::copy::decode::{Decoded, decode};
use crate::types::Kind;

/// Decodes a column of the values, with a null in front of each and behind the last.
fn between_nulls(kind: &Kind, values: &[Vec<u8>]) -> Decoded {
    let mut rows: Vec<_> = values.iter().flat_map(|value| [vec![None], vec![Some(value.clone())]]).collect();
    rows.push(vec![None]);
    let decoded = decode(&tuples(&rows), &[column(kind.clone())]).unwrap();
    assert_eq!(decoded.rows, rows.len());
    assert_eq!(decoded.columns[0].data_type(), &kind.arrow());
    decoded.columns[0].to_data().validate_full().unwrap();
    decoded
}

/// The values of a column from [`between_nulls`] without the nulls, which must be where they belong.
fn strip_nulls<T: ArrowPrimitiveType>(array: &ArrayRef) -> Vec<T::Native> {
    let array = array.as_primitive::<T>();
    assert!((0..array.len()).all(|row| array.is_null(row) == (row % 2 == 0)));
    array.iter().flatten().collect()
}

fn check<T: ArrowPrimitiveType, const N: usize>(kind: Kind, values: &[([u8; N], T::Native)]) {
    let bytes: Vec<_> = values.iter().map(|(bytes, _)| bytes.to_vec()).collect();
    let expected: Vec<_> = values.iter().map(|(_, value)| *value).collect();
    let decoded = between_nulls(&kind, &bytes);
    assert_eq!(decoded.faults, []);
    assert_eq!(strip_nulls::<T>(&decoded.columns[0]), expected);
    let rows: Vec<_> = bytes.into_iter().map(|bytes| vec![Some(bytes)]).collect();
    let decoded = decode(&tuples(&rows), &[column(kind)]).unwrap();
    assert_eq!(decoded.columns[0].null_count(), 0);
    assert_eq!(decoded.columns[0].as_primitive::<T>().values(), expected.as_slice());
}

#[test]
fn integers() {
    check::<Int16Type, 2>(Kind::Int2, &[([0x7f, 0xff], i16::MAX), ([0x80, 0], i16::MIN), ([0, 5], 5)]);
    check::<Int32Type, 4>(
        Kind::Int4,
        &[([0x7f, 0xff, 0xff, 0xff], i32::MAX), ([0x80, 0, 0, 0], i32::MIN), ([0, 0, 1, 2], 258)],
    );
    check::<Int64Type, 8>(
        Kind::Int8,
        &[([0x80, 0, 0, 0, 0, 0, 0, 0], i64::MIN), ([0, 0, 0, 0, 0, 0, 1, 2], 258), ([255; 8], -1)],
    );
    check::<UInt32Type, 4>(Kind::Oid, &[([255; 4], u32::MAX), ([0; 4], 0)]);
    check::<UInt64Type, 6>(
        Kind::Tid,
        &[([0, 0, 0, 5, 0, 7], 5 << 16 | 7), ([255; 6], (1 << 48) - 1), ([0, 0, 0, 0, 0, 1], 1)],
    );
}

#[test]
fn floats_keep_their_bits() {
    let values = [0.0_f64, -0.0, 0.1, f64::MAX, 5e-324, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    let bytes: Vec<_> = values.iter().map(|value| value.to_be_bytes().to_vec()).collect();
    let decoded = between_nulls(&Kind::Float8, &bytes);
    let read: Vec<_> =
        strip_nulls::<Float64Type>(&decoded.columns[0]).into_iter().map(f64::to_bits).collect();
    assert_eq!(read, values.map(f64::to_bits));

    let values = [0.0_f32, -0.0, 0.1, f32::MAX, 1e-45, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
    let bytes: Vec<_> = values.iter().map(|value| value.to_be_bytes().to_vec()).collect();
    let decoded = between_nulls(&Kind::Float4, &bytes);
    let read: Vec<_> =
        strip_nulls::<Float32Type>(&decoded.columns[0]).into_iter().map(f32::to_bits).collect();
    assert_eq!(read, values.map(f32::to_bits));
}

#[test]
fn booleans() {
    let decoded = between_nulls(&Kind::Bool, &[vec![0], vec![1], vec![255]]);
    let read: Vec<_> = decoded.columns[0].as_boolean().iter().collect();
    assert_eq!(read, [None, Some(false), None, Some(true), None, Some(true), None]);
}

#[test]
fn dates_and_times() {
    check::<Date32Type, 4>(
        Kind::Date,
        &[
            (0_i32.to_be_bytes(), 10_957),
            ((-10_957_i32).to_be_bytes(), 0),
            (i32::MAX.to_be_bytes(), i32::MAX),
            (i32::MIN.to_be_bytes(), i32::MIN),
            ((i32::MAX - 10_958).to_be_bytes(), i32::MAX - 1),
            // The first and the last date of PostgreSQL.
            ((-2_451_545_i32).to_be_bytes(), -2_440_588),
            (2_145_031_948_i32.to_be_bytes(), 2_145_042_905),
        ],
    );
    let stamps = [
        (0_i64.to_be_bytes(), 946_684_800_000_000),
        ((-946_684_800_000_001_i64).to_be_bytes(), -1),
        (i64::MAX.to_be_bytes(), i64::MAX),
        (i64::MIN.to_be_bytes(), i64::MIN),
        ((-211_813_488_000_000_000_i64).to_be_bytes(), -210_866_803_200_000_000),
        ((i64::MAX - 946_684_800_000_001).to_be_bytes(), i64::MAX - 1),
    ];
    check::<TimestampMicrosecondType, 8>(Kind::Timestamp, &stamps);
    check::<TimestampMicrosecondType, 8>(Kind::TimestampTz, &stamps);
    assert_eq!(
        between_nulls(&Kind::TimestampTz, &[]).columns[0].data_type(),
        &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
    );
    check::<Time64MicrosecondType, 8>(
        Kind::Time,
        &[(0_i64.to_be_bytes(), 0), (86_400_000_000_i64.to_be_bytes(), 86_400_000_000)],
    );
}

#[test]
fn money() {
    check::<Decimal128Type, 8>(
        Kind::Money { scale: 2 },
        &[(i64::MAX.to_be_bytes(), i64::MAX.into()), (i64::MIN.to_be_bytes(), i64::MIN.into())],
    );
}

#[test]
fn bytes_and_texts() {
    let decoded = between_nulls(&Kind::Bytea, &[vec![], vec![0, 255], vec![b'a'; 300]]);
    let read: Vec<_> = decoded.columns[0].as_binary::<i32>().iter().collect();
    assert_eq!(read, [None, Some(&b""[..]), None, Some(&[0, 255]), None, Some(&[b'a'; 300]), None]);

    let texts = ["", "ä€😀", "a\0b", "null"];
    let bytes: Vec<_> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    for kind in [Kind::Text, Kind::Json] {
        let decoded = between_nulls(&kind, &bytes);
        assert_eq!(decoded.columns[0].as_string::<i32>().iter().flatten().collect::<Vec<_>>(), texts);
    }
    let decoded = between_nulls(&Kind::Jsonb, &[b"\x01{\"a\": 1}".to_vec(), b"\x01null".to_vec()]);
    let read: Vec<_> = decoded.columns[0].as_string::<i32>().iter().collect();
    assert_eq!(read, [None, Some("{\"a\": 1}"), None, Some("null"), None]);
}

#[test]
fn a_char_is_empty_ascii_or_octal() {
    let decoded = between_nulls(&Kind::Char, &[vec![0], vec![b'x'], vec![0x7f], vec![0x80], vec![0xe9]]);
    let read: Vec<_> = decoded.columns[0].as_string::<i32>().iter().flatten().collect();
    assert_eq!(read, ["", "x", "\u{7f}", "\\200", "\\351"]);
}

#[test]
fn offsets_of_times_always_have_minutes() {
    let time = 45_296_500_000_i64.to_be_bytes();
    let bytes: Vec<_> = [0_i32, -7200, 12_600, -7]
        .iter()
        .map(|west| [time.as_slice(), &west.to_be_bytes()].concat())
        .collect();
    let decoded = between_nulls(&Kind::TimeTz, &bytes);
    let read: Vec<_> = decoded.columns[0].as_string::<i32>().iter().flatten().collect();
    assert_eq!(read, ["12:34:56.5+00:00", "12:34:56.5+02:00", "12:34:56.5-03:30", "12:34:56.5+00:00:07"]);
}

#[test]
fn infinite_intervals() {
    let largest = hex("7fffffffffffffff7fffffff7fffffff");
    let smallest = hex("80000000000000008000000080000000");
    let decoded = between_nulls(&Kind::Interval, &[largest, smallest]);
    let read: Vec<_> = decoded.columns[0].as_string::<i32>().iter().flatten().collect();
    assert_eq!(read, ["infinity", "-infinity"]);
}

#[test]
fn values_too_far_from_1970_are_faults() {
    let far = [
        (Kind::Date, (i32::MAX - 10_957).to_be_bytes().to_vec(), "5881580-07-11"),
        (Kind::Date, (i32::MAX - 1).to_be_bytes().to_vec(), "5881610-07-10"),
        (
            Kind::Timestamp,
            9_223_371_331_199_999_999_i64.to_be_bytes().to_vec(),
            "294276-12-31 23:59:59.999999",
        ),
        (
            Kind::TimestampTz,
            (i64::MAX - 946_684_800_000_000).to_be_bytes().to_vec(),
            "294247-01-10 04:00:54.775807+00",
        ),
        (Kind::Time, 86_400_000_001_i64.to_be_bytes().to_vec(), "24:00:00.000001"),
        (Kind::Time, (-1_i64).to_be_bytes().to_vec(), "-00:00:00.000001"),
    ];
    for (kind, bytes, shown) in far {
        let zero = vec![0; bytes.len()];
        let rows = [vec![Some(zero.clone())], vec![None], vec![Some(bytes)], vec![Some(zero)]];
        let decoded = decode(&tuples(&rows), &[column(kind)]).unwrap();
        let faults: Vec<_> =
            decoded.faults.iter().map(|f| (f.row, f.column, f.code, f.shown.as_str())).collect();
        assert_eq!(faults, [(2, 0, "out_of_range", shown)]);
        let valid: Vec<_> = (0..4).map(|row| decoded.columns[0].is_valid(row)).collect();
        assert_eq!(valid, [true, false, false, true]);
    }
}

#[test]
fn faults_come_by_row_and_column_over_many_blocks() {
    let far = (i64::MAX - 1).to_be_bytes().to_vec();
    let near = 0_i64.to_be_bytes().to_vec();
    let rows: Vec<_> = (0..5000)
        .map(|row| {
            let pick = |every| Some(if row % every == 0 { far.clone() } else { near.clone() });
            vec![pick(500), Some(near.clone()), pick(700)]
        })
        .collect();
    let columns = [column(Kind::Timestamp), column(Kind::Int8), column(Kind::TimestampTz)];
    let decoded = decode(&tuples(&rows), &columns).unwrap();
    let expected: Vec<_> = (0..5000)
        .flat_map(|row| {
            [(500, 0), (700, 2)]
                .into_iter()
                .filter(move |(every, _)| row % every == 0)
                .map(move |(_, c)| (row, c))
        })
        .collect();
    assert_eq!(decoded.faults.iter().map(|fault| (fault.row, fault.column)).collect::<Vec<_>>(), expected);
    for (index, array) in decoded.columns.iter().enumerate() {
        assert_eq!(array.len(), 5000);
        assert!((0..5000).all(|row| array.is_null(row) == expected.contains(&(row, index))));
    }
}

#[test]
fn no_tuples_and_no_columns() {
    let decoded = decode(&[], &[column(Kind::Int4), column(Kind::Text)]).unwrap();
    assert_eq!((decoded.rows, decoded.columns.len(), decoded.columns[1].len()), (0, 2, 0));
    let decoded = decode(&[0; 6], &[]).unwrap();
    assert_eq!((decoded.rows, decoded.columns.len()), (3, 0));
}
