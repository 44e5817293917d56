use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Decimal64Array, Decimal128Array, Decimal256Array, Float32Array, Float64Array,
    Int64Array, UInt64Array,
};
use arrow::datatypes::i256;
use proptest::prelude::*;

use super::{Cell, cells, codes, messages, texts, values};

/// The text that `numeric_out` of PostgreSQL makes of a binary value; written apart from the code under test.
fn numeric_out(bytes: &[u8]) -> String {
    let word = |at: usize| u16::from_be_bytes([bytes[2 * at], bytes[2 * at + 1]]);
    let (count, weight, sign, shown) = (usize::from(word(0)), i32::from(word(1) as i16), word(2), word(3));
    assert_eq!(bytes.len(), 8 + 2 * count);
    match sign {
        0xC000 => return "NaN".to_owned(),
        0xD000 => return "Infinity".to_owned(),
        0xF000 => return "-Infinity".to_owned(),
        0 | 0x4000 => {}
        other => panic!("sign {other:x}"),
    }
    let group = |power: i32| {
        let at = usize::try_from(weight - power).ok().filter(|at| *at < count);
        at.map_or(0, |at| word(4 + at))
    };
    if count > 0 {
        assert_ne!(group(weight), 0, "leading zeros are stripped");
        assert_ne!(word(3 + count), 0, "trailing zeros are stripped");
    }
    let whole: String = (0..=weight.max(0)).rev().map(|power| format!("{:04}", group(power))).collect();
    let fraction: String =
        (1..=i32::from(shown).div_euclid(4) + 1).map(|power| format!("{:04}", group(-power))).collect();
    let (kept, hidden) = fraction.split_at(usize::from(shown));
    assert!(hidden.bytes().all(|digit| digit == b'0'), "no digit is hidden");
    let whole = Some(whole.trim_start_matches('0')).filter(|whole| !whole.is_empty()).unwrap_or("0");
    let sign = if sign == 0x4000 { "-" } else { "" };
    if shown == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{kept}") }
}

fn shown(array: &ArrayRef, name: &str) -> Vec<String> {
    cells(array, name)
        .into_iter()
        .map(|cell| match cell {
            Cell::Value(bytes) => numeric_out(&bytes),
            Cell::Null => "null".to_owned(),
            Cell::Fault(code) => code.to_owned(),
        })
        .collect()
}

fn decimal(values: Vec<i128>, precision: u8, scale: i8) -> ArrayRef {
    Arc::new(Decimal128Array::from(values).with_precision_and_scale(precision, scale).unwrap())
}

#[test]
fn the_bytes_are_those_of_numeric_send() {
    let array = decimal(vec![1_234_567, -5, 0, 10_000_000], 12, 2);
    // 12345.67, -0.05, 0.00, 100000.00
    assert_eq!(
        values(&array, "numeric(12,2)"),
        [
            vec![0, 3, 0, 1, 0, 0, 0, 2, 0, 1, 0x09, 0x29, 0x1a, 0x2c],
            vec![0, 1, 0xff, 0xff, 0x40, 0, 0, 2, 0x01, 0xf4],
            vec![0, 0, 0, 0, 0, 0, 0, 2],
            vec![0, 1, 0, 1, 0, 0, 0, 2, 0, 10],
        ]
    );
    let specials: ArrayRef = Arc::new(Float64Array::from(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY]));
    assert_eq!(
        values(&specials, "numeric"),
        [vec![0, 0, 0, 0, 0xc0, 0, 0, 0], vec![0, 0, 0, 0, 0xd0, 0, 0, 0], vec![0, 0, 0, 0, 0xf0, 0, 0, 0]]
    );
}

#[test]
fn decimals_fit_another_precision_and_scale_exactly_or_not_at_all() {
    let array = decimal(vec![1_500_000, 1_500_001, -99_999_990_000, 100_000_000_000], 38, 4);
    assert_eq!(shown(&array, "numeric(9,2)"), ["150.00", "out_of_range", "-9999999.00", "out_of_range"]);
    assert_eq!(messages(&array, "numeric(9,2)")[0], "150.0001 does not fit numeric(9,2)");
    // More digits than the column's own type admits, which Arrow does not check.
    let loose = Decimal128Array::from(vec![i128::MAX, i128::MIN]);
    let data = loose.into_data().into_builder();
    let data = data.data_type(arrow::datatypes::DataType::Decimal128(4, 2)).build().unwrap();
    let array: ArrayRef = Arc::new(Decimal128Array::from(data));
    assert_eq!(shown(&array, "numeric(4,2)"), ["out_of_range"; 2]);
    assert_eq!(
        shown(&array, "numeric"),
        ["1701411834604692317316873037158841057.27", "-1701411834604692317316873037158841057.28"]
    );
    assert_eq!(shown(&decimal(vec![1, 0, -1], 38, 38), "numeric(38,38)")[2], format!("-0.{:0>38}", 1));
    assert_eq!(shown(&decimal(vec![12, -7], 5, -3), "numeric"), ["12000", "-7000"]);
    assert_eq!(shown(&decimal(vec![12, 0], 5, -3), "numeric(4,0)"), ["out_of_range", "0"]);
    let small: ArrayRef = Arc::new(Decimal64Array::from(vec![-314]).with_precision_and_scale(9, 2).unwrap());
    assert_eq!(shown(&small, "numeric(3,2)"), ["-3.14"]);
}

#[test]
fn unusual_precisions_and_scales_are_honoured() {
    let whole: ArrayRef = Arc::new(Int64Array::from(vec![9_999_900, 10_000_000, 150, -100]));
    assert_eq!(shown(&whole, "numeric(5,-2)"), ["9999900", "out_of_range", "out_of_range", "-100"]);
    let small = texts(&["0.0099", "0.01", "0.00991", "0", "-0.0001"]);
    assert_eq!(
        shown(&small, "numeric(2,4)"),
        ["0.0099", "out_of_range", "out_of_range", "0.0000", "-0.0001"]
    );
    assert_eq!(shown(&decimal(vec![99, 100], 9, 4), "numeric(2,4)"), ["0.0099", "out_of_range"]);
    let wide: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX]));
    assert_eq!(shown(&wide, "numeric(100,2)"), ["18446744073709551615.00"]);
    assert_eq!(shown(&wide, "numeric(20,0)"), ["18446744073709551615"]);
    assert_eq!(shown(&wide, "numeric(19,0)"), ["out_of_range"]);
}

#[test]
fn wide_decimals() {
    let wide = |value: i256, scale| -> ArrayRef {
        Arc::new(Decimal256Array::from(vec![value]).with_precision_and_scale(76, scale).unwrap())
    };
    let large = i256::from_string(&"9".repeat(76)).unwrap();
    assert_eq!(shown(&wide(large, 0), "numeric"), ["9".repeat(76)]);
    assert_eq!(shown(&wide(large, 76), "numeric(76,76)"), [format!("0.{}", "9".repeat(76))]);
    assert_eq!(shown(&wide(large, 1), "numeric(76,0)"), ["out_of_range"]);
    assert_eq!(shown(&wide(i256::from_i128(-5), 10), "numeric(76,10)"), ["-0.0000000005"]);
}

#[test]
fn floats_are_their_shortest_text() {
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![223.21, 0.125, 0.1 + 0.2, -0.0, 1e22]));
    assert_eq!(
        shown(&floats, "numeric(12,2)"),
        ["223.21", "out_of_range", "out_of_range", "0.00", "out_of_range"]
    );
    assert_eq!(messages(&floats, "numeric(12,2)")[0], "0.125 does not fit numeric(12,2)");
    assert_eq!(
        shown(&floats, "numeric"),
        ["223.21", "0.125", "0.30000000000000004", "0", "10000000000000000000000"]
    );
    let narrow: ArrayRef = Arc::new(Float32Array::from(vec![0.1f32]));
    assert_eq!(shown(&narrow, "numeric"), ["0.1"]);
    let specials: ArrayRef = Arc::new(Float64Array::from(vec![f64::NAN, f64::INFINITY]));
    assert_eq!(shown(&specials, "numeric(12,2)"), ["NaN", "out_of_range"]);
}

#[test]
fn text_keeps_its_digits() {
    let good = texts(&["1.500", "-0.00", "+7", ".5", "5.", "1e3", "-1.5E-3", "nan", "Infinity", "-infinity"]);
    assert_eq!(
        shown(&good, "numeric"),
        ["1.500", "0.00", "7", "0.5", "5", "1000", "-0.0015", "NaN", "Infinity", "-Infinity"]
    );
    let bad = texts(&["", " 1", "1 ", "1,5", "abc", "1e", "--1", ".", "0x10", "1_000", "\0"]);
    assert_eq!(codes(&bad, "numeric"), ["invalid_number"; 11]);
    let digits = "9".repeat(131_072);
    let more = format!("{digits}9");
    let fine = format!("1e-{}", 16_383);
    let finer = format!("1e-{}", 16_384);
    let edge = texts(&[&digits, &more, &fine, &finer, "1e999999999999999999999", "0e999999999999999999999"]);
    let shown_edge = shown(&edge, "numeric");
    assert_eq!(shown_edge[0], digits);
    assert_eq!(shown_edge[1], "out_of_range");
    assert_eq!(shown_edge[2], format!("0.{:0>16383}", 1));
    assert_eq!(shown_edge[3..], ["out_of_range", "out_of_range", "0"]);
    let limited = texts(&["9999999999.99", "10000000000", "1.10", "1.101", "1.1000", "NaN", "Infinity"]);
    assert_eq!(
        shown(&limited, "numeric(12,2)"),
        ["9999999999.99", "out_of_range", "1.10", "out_of_range", "1.10", "NaN", "out_of_range"]
    );
}

proptest! {
    #[test]
    fn every_decimal_is_shown_as_it_is(value in any::<i128>(), scale in 0i8..=38) {
        let value = value / 10;
        let array = decimal(vec![value], 38, scale);
        let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale as usize + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale as usize);
        let point = if scale == 0 { "" } else { "." };
        let expected = format!("{}{whole}{point}{fraction}", if value < 0 { "-" } else { "" });
        prop_assert_eq!(shown(&array, "numeric"), [expected.clone()]);
        prop_assert_eq!(shown(&texts(&[&expected]), "numeric"), [expected]);
    }

    #[test]
    fn doubles_of_few_digits_are_what_their_text_is(
        digits in -2_000_000_000_000_000i64..2_000_000_000_000_000,
        shift in 0u32..40,
        scale in 0usize..=15,
        step in -1i64..=1,
    ) {
        let near = (digits >> shift) as f64 / 10f64.powi(scale as i32);
        let value = f64::from_bits(near.to_bits().wrapping_add_signed(step));
        prop_assume!(value.is_finite());
        let array: ArrayRef = Arc::new(Float64Array::from(vec![value]));
        let name = format!("numeric(38,{scale})");
        prop_assert_eq!(shown(&array, &name), shown(&texts(&[&value.to_string()]), &name));
    }

    #[test]
    fn every_double_reads_back(bits in any::<u64>()) {
        let value = f64::from_bits(bits);
        prop_assume!(value.is_finite());
        let array: ArrayRef = Arc::new(Float64Array::from(vec![value]));
        let text = shown(&array, "numeric").remove(0);
        prop_assert_eq!(text.parse::<f64>().unwrap(), value);
    }
}
