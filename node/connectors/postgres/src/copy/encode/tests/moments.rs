use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Date64Array, DurationMicrosecondArray, DurationMillisecondArray,
    DurationNanosecondArray, DurationSecondArray, IntervalDayTimeArray, IntervalMonthDayNanoArray,
    IntervalYearMonthArray, Time32MillisecondArray, Time32SecondArray, Time64MicrosecondArray,
    Time64NanosecondArray, TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray,
    TimestampSecondArray,
};
use arrow::datatypes::{IntervalDayTime, IntervalMonthDayNano};

use super::{Cell, cells, codes, messages, texts, values};

/// Microseconds from 1970 to 2000.
const EPOCH: i64 = 946_684_800_000_000;

fn big(values: &[i64]) -> Vec<Vec<u8>> {
    values.iter().map(|value| value.to_be_bytes().to_vec()).collect()
}

fn days(values: &[i32]) -> Vec<Vec<u8>> {
    values.iter().map(|value| value.to_be_bytes().to_vec()).collect()
}

fn span(micros: i64, days: i32, months: i32) -> Vec<u8> {
    let mut bytes = micros.to_be_bytes().to_vec();
    bytes.extend(days.to_be_bytes());
    bytes.extend(months.to_be_bytes());
    bytes
}

#[test]
fn days_count_from_2000_and_end_where_the_calendar_does() {
    let array: ArrayRef =
        Arc::new(Date32Array::from(vec![10_957, 0, i32::MAX, i32::MIN, -2_440_588, 2_145_042_905]));
    assert_eq!(values(&array, "date"), days(&[0, -10_957, i32::MAX, i32::MIN, -2_451_545, 2_145_031_948]));
    let array: ArrayRef = Arc::new(Date32Array::from(vec![-2_440_589, 2_145_042_906, i32::MAX - 1]));
    assert_eq!(codes(&array, "date"), ["out_of_range"; 3]);
    assert_eq!(messages(&array, "date")[0], "-4713-11-23 does not fit date");
    let array: ArrayRef = Arc::new(Date64Array::from(vec![86_400_000, -86_400_000, 1, i64::MAX, i64::MIN]));
    let wrong = Cell::Fault("too_precise");
    assert_eq!(cells(&array, "date")[2..], [wrong.clone(), wrong.clone(), wrong]);
    assert_eq!(values(&Arc::new(array.slice(0, 2)), "date"), days(&[-10_956, -10_958]));
}

#[test]
fn dates_as_text() {
    let good = texts(&[
        "2000-01-01",
        "2024-02-29",
        "0044-03-15 BC",
        "-0043-03-15",
        "0000-01-01",
        "0001-01-01 BC",
        "infinity",
        "-Infinity",
        "5874897-12-31",
        "-4713-11-24",
        "+12345-06-07",
    ]);
    let ides = -746_117;
    assert_eq!(
        values(&good, "date"),
        days(&[
            0,
            8825,
            ides,
            ides,
            -730_485,
            -730_485,
            i32::MAX,
            i32::MIN,
            2_145_031_948,
            -2_451_545,
            3_778_591,
        ])
    );
    let bad = texts(&[
        "",
        "2024-02-30",
        "2023-02-29",
        "1900-02-29",
        "2024-13-01",
        "2024-00-01",
        "2024-01-00",
        "0000-00-00",
        "2024-1-1",
        "24-01-01",
        "20240101",
        "2024-01-01 ",
        "2024-01-01T00:00:00",
        "01/02/2024",
        "0000-01-01 BC",
        "-0001-01-01 BC",
        "today",
        "2024-01-01\0",
        "99999999-01-01",
        "\u{662}024-01-01",
    ]);
    assert_eq!(codes(&bad, "date"), ["invalid_date"; 20]);
    assert_eq!(codes(&texts(&["5874898-01-01", "-4713-11-23"]), "date"), ["out_of_range"; 2]);
}

#[test]
fn times_of_day_end_at_24_hours() {
    let full = 86_400_000_000;
    let array: ArrayRef = Arc::new(Time64MicrosecondArray::from(vec![0, full, full + 1, -1]));
    let wrong = Cell::Fault("out_of_range");
    assert_eq!(
        cells(&array, "time"),
        [Cell::Value(vec![0; 8]), Cell::Value(full.to_be_bytes().to_vec()), wrong.clone(), wrong]
    );
    let array: ArrayRef = Arc::new(Time64NanosecondArray::from(vec![1_000, 1_001, i64::MIN]));
    assert_eq!(cells(&array, "time")[1..], [Cell::Fault("too_precise"), Cell::Fault("too_precise")]);
    let array: ArrayRef = Arc::new(Time32SecondArray::from(vec![86_400, 1]));
    assert_eq!(values(&array, "time"), big(&[full, 1_000_000]));
    let array: ArrayRef = Arc::new(Time32MillisecondArray::from(vec![1_250, i32::MAX]));
    assert_eq!(cells(&array, "time")[1], Cell::Fault("out_of_range"));
    let array: ArrayRef = Arc::new(array.slice(0, 1));
    assert_eq!(values(&array, "time(2)"), big(&[1_250_000]));
    assert_eq!(
        messages(&array, "time(1)"),
        ["00:00:01.25 has a fraction of a second that time(1) without time zone would round"]
    );
}

#[test]
fn times_of_day_as_text() {
    let good = texts(&["00:00", "23:59:59.999999", "24:00:00", "12:34:56.1234560000", "01:02:03.5"]);
    assert_eq!(
        values(&good, "time"),
        big(&[0, 86_399_999_999, 86_400_000_000, 45_296_123_456, 3_723_500_000])
    );
    let bad = texts(&[
        "",
        "24:00:00.000001",
        "24:01",
        "25:00",
        "12:60",
        "12:00:60",
        "1:00",
        "12:00:",
        "12:00:00.",
        "12:00Z",
        "12:00+01",
        "120000",
        "12:00 PM",
    ]);
    assert_eq!(codes(&bad, "time"), ["invalid_time"; 13]);
    assert_eq!(codes(&texts(&["12:00:00.0000001"]), "time"), ["too_precise"]);
    let zoned = texts(&["12:00:00Z", "12:00+02", "12:00:00.5-0330", "00:00-15:59:59", "24:00:00+01:00:01"]);
    let cell = |micros: i64, west: i32| [&micros.to_be_bytes()[..], &west.to_be_bytes()[..]].concat();
    assert_eq!(
        values(&zoned, "timetz"),
        [
            cell(43_200_000_000, 0),
            cell(43_200_000_000, -7200),
            cell(43_200_500_000, 12_600),
            cell(0, 57_599),
            cell(86_400_000_000, -3601)
        ]
    );
    let bad = texts(&["12:00", "12:00+16", "12:00+1", "12:00+01:60", "12:00+01:0", "12:00+", "12:00 +01"]);
    assert_eq!(codes(&bad, "time with time zone"), ["invalid_time"; 7]);
    assert_eq!(codes(&texts(&["12:00:00.55+01"]), "timetz(1)"), ["too_precise"]);
}

#[test]
fn timestamps_of_every_unit() {
    let naive = "timestamp without time zone";
    let array: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![EPOCH, 0, i64::MAX, i64::MIN]));
    assert_eq!(values(&array, naive), big(&[0, -EPOCH, i64::MAX, i64::MIN]));
    let array: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![i64::MIN + 1]).with_timezone("UTC"));
    assert_eq!(codes(&array, "timestamptz"), ["out_of_range"]);
    let first = -210_866_803_200;
    // The year 294276 is beyond 64 bits of microseconds since 1970, but not since 2000.
    let last = 9_224_318_015_999;
    let array: ArrayRef =
        Arc::new(TimestampSecondArray::from(vec![first, first - 1, last, last + 1, i64::MAX]));
    let wrong = Cell::Fault("out_of_range");
    assert_eq!(
        cells(&array, naive),
        [
            Cell::Value((-211_813_488_000_000_000i64).to_be_bytes().to_vec()),
            wrong.clone(),
            Cell::Value(9_223_371_331_199_000_000i64.to_be_bytes().to_vec()),
            wrong.clone(),
            wrong
        ]
    );
    assert_eq!(messages(&array, naive)[0], format!("-4713-11-23T23:59:59 does not fit {naive}"));
    let array: ArrayRef =
        Arc::new(TimestampMillisecondArray::from(vec![last * 1000 + 999, -1]).with_timezone("Europe/Berlin"));
    assert_eq!(values(&array, "timestamp with time zone"), big(&[9_223_371_331_199_999_000, -EPOCH - 1000]));
    let array: ArrayRef =
        Arc::new(TimestampNanosecondArray::from(vec![1_000, -1_000, 1, i64::MAX, i64::MIN]));
    let finer = Cell::Fault("too_precise");
    assert_eq!(
        cells(&array, naive),
        [
            Cell::Value((1 - EPOCH).to_be_bytes().to_vec()),
            Cell::Value((-1 - EPOCH).to_be_bytes().to_vec()),
            finer.clone(),
            finer.clone(),
            finer
        ]
    );
}

#[test]
fn timestamps_keep_what_their_column_would_round() {
    let array: ArrayRef =
        Arc::new(TimestampMicrosecondArray::from(vec![1_234_000, 1_234_500, -1_000, i64::MAX]));
    assert_eq!(
        cells(&array, "timestamp(3)"),
        [
            Cell::Value((1_234_000 - EPOCH).to_be_bytes().to_vec()),
            Cell::Fault("too_precise"),
            Cell::Value((-1_000 - EPOCH).to_be_bytes().to_vec()),
            Cell::Value(i64::MAX.to_be_bytes().to_vec())
        ]
    );
    assert_eq!(
        messages(&array, "timestamp(3)"),
        [
            "1970-01-01T00:00:01.2345 has a fraction of a second that timestamp(3) without time zone would round"
        ]
    );
    assert_eq!(codes(&texts(&["2024-01-01T00:00:00.5Z"]), "timestamptz(0)"), ["too_precise"]);
}

#[test]
fn timestamps_as_text() {
    let naive = texts(&[
        "2000-01-01T00:00:00",
        "2000-01-01 00:00",
        "1999-12-31t24:00:00",
        "294276-12-31 23:59:59.999999",
        "4714-11-24 00:00:00 BC",
        "infinity",
        "-infinity",
    ]);
    assert_eq!(
        values(&naive, "timestamp"),
        big(&[0, 0, 0, 9_223_371_331_199_999_999, -211_813_488_000_000_000, i64::MAX, i64::MIN,])
    );
    let zoned = texts(&[
        "2000-01-01T00:00:00Z",
        "2000-01-01 02:00:00+02",
        "1999-12-31T20:30:00.25-03:30",
        "2000-01-01T00:00:00z",
        "4714-11-24 00:00:00+00 BC",
        "infinity",
    ]);
    assert_eq!(values(&zoned, "timestamptz"), big(&[0, 0, 250_000, 0, -211_813_488_000_000_000, i64::MAX]));
    let other = texts(&["2000-01-01T00:00:00", "2000-01-01T00:00:00 BC"]);
    assert_eq!(codes(&other, "timestamptz"), ["invalid_timestamp"; 2]);
    assert!(messages(&other, "timestamptz")[0].contains("has no offset"));
    let other = texts(&["2000-01-01T00:00:00Z", "2000-01-01T00:00:00+02", "0044-01-01 00:00:00+00 BC"]);
    assert_eq!(codes(&other, "timestamp"), ["invalid_timestamp"; 3]);
    assert!(messages(&other, "timestamp").iter().all(|message| message.contains("would drop")));
    let bad = texts(&[
        "",
        "2000-01-01",
        "2000-01-01T",
        "2000-01-01T00",
        "2000-01-01_00:00:00",
        "2000-02-30T00:00:00",
        "now",
        "2000-01-01T00:00:00 Z",
        "2000-01-01T00:00:00Europe/Berlin",
        "946684800",
        " 2000-01-01T00:00:00",
    ]);
    assert_eq!(codes(&bad, "timestamp"), ["invalid_timestamp"; 11]);
    let far = texts(&["294277-01-01T00:00:00", "9999999-01-01T00:00:00", "4714-11-23 23:59:59 BC"]);
    assert_eq!(codes(&far, "timestamp"), ["out_of_range"; 3]);
    assert_eq!(codes(&texts(&["2000-01-01T00:00:00.0000001"]), "timestamp"), ["too_precise"]);
}

#[test]
fn intervals_and_durations() {
    let array: ArrayRef = Arc::new(IntervalMonthDayNanoArray::from(vec![
        IntervalMonthDayNano::new(14, -3, -1_500_000_000),
        IntervalMonthDayNano::new(0, 0, 1),
        IntervalMonthDayNano::new(i32::MAX, i32::MIN, i64::MAX / 1000 * 1000),
    ]));
    assert_eq!(
        cells(&array, "interval"),
        [
            Cell::Value(span(-1_500_000, -3, 14)),
            Cell::Fault("too_precise"),
            Cell::Value(span(i64::MAX / 1000, i32::MIN, i32::MAX))
        ]
    );
    let array: ArrayRef = Arc::new(IntervalYearMonthArray::from(vec![i32::MIN, 25]));
    assert_eq!(values(&array, "interval"), [span(0, 0, i32::MIN), span(0, 0, 25)]);
    let array: ArrayRef = Arc::new(IntervalDayTimeArray::from(vec![IntervalDayTime::new(-7, i32::MIN)]));
    assert_eq!(values(&array, "interval"), [span(-2_147_483_648_000, -7, 0)]);
    let array: ArrayRef = Arc::new(DurationSecondArray::from(vec![90, i64::MAX]));
    assert_eq!(cells(&array, "interval"), [Cell::Value(span(90_000_000, 0, 0)), Cell::Fault("out_of_range")]);
    let array: ArrayRef = Arc::new(DurationMillisecondArray::from(vec![-1]));
    assert_eq!(values(&array, "interval"), [span(-1000, 0, 0)]);
    let array: ArrayRef = Arc::new(DurationMicrosecondArray::from(vec![i64::MAX, i64::MIN]));
    assert_eq!(values(&array, "interval"), [span(i64::MAX, 0, 0), span(i64::MIN, 0, 0)]);
    let array: ArrayRef = Arc::new(DurationNanosecondArray::from(vec![-1_500]));
    assert_eq!(
        messages(&array, "interval"),
        ["PT-0.0000015S has a fraction of a second that interval would round"]
    );
}

#[test]
fn intervals_as_text() {
    let good = texts(&[
        "P1Y2M-3DT4H5M-6.5S",
        "PT0S",
        "P2W1D",
        "PT-0.000001S",
        "-P1DT1.5S",
        "PT1.5000000S",
        "infinity",
        "-infinity",
        "P178956970Y7M",
    ]);
    assert_eq!(
        values(&good, "interval"),
        [
            span(14_693_500_000, -3, 14),
            span(0, 0, 0),
            span(0, 15, 0),
            span(-1, 0, 0),
            span(-1_500_000, -1, 0),
            span(1_500_000, 0, 0),
            span(i64::MAX, i32::MAX, i32::MAX),
            span(i64::MIN, i32::MIN, i32::MIN),
            span(0, 0, i32::MAX),
        ]
    );
    let bad = texts(&[
        "",
        "P",
        "PT",
        "P1",
        "1Y",
        "P1DT",
        "P1H",
        "PT1D",
        "P1M1Y",
        "P1D1D",
        "P1.5D",
        "PT1.S",
        "PT.5S",
        "P1YT1HT1M",
        "1 day",
        "P-D",
        "PT1.5H",
        "p1d",
        "P111111111111111111111D",
        "P1D\0",
    ]);
    assert_eq!(codes(&bad, "interval"), ["invalid_interval"; 20]);
    assert_eq!(codes(&texts(&["PT0.0000001S"]), "interval"), ["too_precise"]);
    let far = texts(&[
        "P2147483648M",
        "P2147483648D",
        "PT9223372036855S",
        // The largest parts of all are infinity.
        "P2147483647M2147483647DT9223372036854.775807S",
    ]);
    assert_eq!(codes(&far, "interval"), ["out_of_range"; 4]);
}

#[test]
fn intervals_keep_what_their_column_would_cut_off() {
    let all = texts(&["P1Y", "P1M", "P1D", "PT1H", "PT1M", "PT1S", "PT0.001S"]);
    for (name, kept) in [
        ("interval", 7),
        ("interval(2)", 6),
        ("interval day to second(2)", 6),
        ("interval second", 7),
        ("interval hour to minute", 5),
        ("interval day to hour", 4),
        ("interval day", 3),
        ("interval month", 2),
        ("interval year to month", 2),
        ("interval year", 1),
    ] {
        let kept_here = cells(&all, name).iter().take_while(|cell| matches!(cell, Cell::Value(_))).count();
        let refused = cells(&all, name).iter().filter(|cell| **cell == Cell::Fault("too_precise")).count();
        assert_eq!((kept_here, refused), (kept, 7 - kept), "{name}");
    }
}
