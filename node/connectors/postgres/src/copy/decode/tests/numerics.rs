//! Numerics against arithmetic on strings of decimal digits.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Decimal128Type, Decimal256Type};
use proptest::prelude::*;

use super::{column, hex, tuples};
use crate::copy::decode::{decode, value_to_text};
use crate::types::Kind;

/// The binary form of a number from its decimal digits, without the zeros PostgreSQL leaves out.
fn numeric(negative: bool, whole: &str, fraction: &str) -> Vec<u8> {
    let front = (4 - whole.len() % 4) % 4;
    let behind = (4 - fraction.len() % 4) % 4;
    let text = format!("{}{whole}{fraction}{}", "0".repeat(front), "0".repeat(behind));
    let mut digits: Vec<u16> =
        text.as_bytes().chunks(4).map(|four| std::str::from_utf8(four).unwrap().parse().unwrap()).collect();
    let mut weight = i16::try_from((front + whole.len()) / 4).unwrap() - 1;
    while digits.first() == Some(&0) {
        digits.remove(0);
        weight -= 1;
    }
    while digits.last() == Some(&0) {
        digits.pop();
    }
    let sign = if negative && !digits.is_empty() { 0x4000_u16 } else { 0 };
    let weight = if digits.is_empty() { 0 } else { weight };
    let count = u16::try_from(digits.len()).unwrap();
    let scale = u16::try_from(fraction.len()).unwrap();
    let header = [count.to_be_bytes(), weight.to_be_bytes(), sign.to_be_bytes(), scale.to_be_bytes()];
    header.into_iter().flatten().chain(digits.into_iter().flat_map(u16::to_be_bytes)).collect()
}

/// What a number with these digits reads as: with neither zeros nor nothing in front of the point.
fn text(negative: bool, whole: &str, fraction: &str) -> String {
    let whole = whole.trim_start_matches('0');
    let zero = whole.is_empty() && fraction.chars().all(|digit| digit == '0');
    let sign = if negative && !zero { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { whole };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// What a column `numeric(precision, scale)` holds of it, if it fits.
fn decimal(negative: bool, whole: &str, fraction: &str, precision: u8, scale: i8) -> Option<String> {
    let scale = usize::try_from(scale).unwrap();
    let (kept, cut) = fraction.split_at(scale.min(fraction.len()));
    let whole = whole.trim_start_matches('0');
    let fits = cut.chars().all(|digit| digit == '0') && whole.len() + scale <= usize::from(precision);
    fits.then(|| text(negative, whole, &format!("{kept:0<scale$}")))
}

fn digits(most: usize) -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::collection::vec(prop_oneof![Just('0'), proptest::char::range('0', '9')], 0..=most),
        proptest::collection::vec(Just('9'), 0..=most),
        (0..=most, proptest::char::range('1', '9'), 0..=most).prop_map(|(before, digit, behind)| {
            let zeros = |count| std::iter::repeat_n('0', count);
            zeros(before / 2).chain([digit]).chain(zeros(behind / 2)).collect()
        }),
    ]
    .prop_map(|digits| digits.into_iter().collect())
}

/// A number, and a column type it may or may not fit.
fn cases() -> impl Strategy<Value = (bool, String, String, u8, i8)> {
    (1_u8..=76).prop_flat_map(|precision| {
        (0..=i8::try_from(precision).unwrap()).prop_flat_map(move |scale| {
            let behind = usize::try_from(scale).unwrap();
            let front = usize::from(precision) - behind;
            (any::<bool>(), digits(front + 1), digits(behind + 2), Just(precision), Just(scale))
        })
    })
}

fn decode_decimal(bytes: &[u8], precision: u8, scale: i8) -> Result<Option<String>, String> {
    let columns = [column(Kind::Decimal { precision, scale })];
    let decoded =
        decode(&tuples(&[vec![Some(bytes.to_vec())]]), &columns).map_err(|error| error.to_string())?;
    let array = &decoded.columns[0];
    if array.is_null(0) {
        return Err(decoded.faults[0].code.to_owned());
    }
    assert_eq!(decoded.faults, []);
    Ok(Some(if precision <= 38 {
        array.as_primitive::<Decimal128Type>().value_as_string(0)
    } else {
        array.as_primitive::<Decimal256Type>().value_as_string(0)
    }))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn texts_have_all_their_digits(negative: bool, whole in digits(40), fraction in digits(40)) {
        let bytes = numeric(negative, &whole, &fraction);
        prop_assert_eq!(value_to_text(&Kind::Numeric, &bytes), Ok(text(negative, &whole, &fraction)));
    }

    #[test]
    fn decimals_are_exact_or_out_of_range((negative, whole, fraction, precision, scale) in cases()) {
        let read = decode_decimal(&numeric(negative, &whole, &fraction), precision, scale);
        match decimal(negative, &whole, &fraction, precision, scale) {
            Some(expected) => prop_assert_eq!(read, Ok(Some(expected))),
            None => prop_assert_eq!(read, Err("out_of_range".to_owned())),
        }
    }

    #[test]
    fn small_decimals_are_those_of_integers(value in any::<i64>(), scale in 0_i8..=18) {
        let shown = format!("{:0>19}", value.unsigned_abs());
        let (whole, fraction) = shown.split_at(shown.len() - usize::try_from(scale).unwrap());
        let columns = [column(Kind::Decimal { precision: 19, scale })];
        let bytes = numeric(value < 0, whole, fraction);
        let decoded = decode(&tuples(&[vec![Some(bytes)]]), &columns).unwrap();
        prop_assert_eq!(decoded.columns[0].as_primitive::<Decimal128Type>().value(0), i128::from(value));
    }
}

#[test]
fn what_no_decimal_holds_is_a_fault() {
    let kind = Kind::Decimal { precision: 10, scale: 2 };
    let values = [
        ("00000000c0000000", "not_a_number", "NaN", "`NaN`: a decimal column holds neither NaN nor infinity"),
        (
            "00000000d0000020",
            "not_a_number",
            "Infinity",
            "`Infinity`: a decimal column holds neither NaN nor infinity",
        ),
        (
            "00000000f0000020",
            "not_a_number",
            "-Infinity",
            "`-Infinity`: a decimal column holds neither NaN nor infinity",
        ),
        ("000100020000 0000 0001", "out_of_range", "100000000", "`100000000` does not fit numeric(10,2)"),
        ("0001ffff40000003 000a", "out_of_range", "-0.001", "`-0.001` does not fit numeric(10,2)"),
    ];
    for (bytes, code, shown, message) in values {
        let rows =
            [vec![Some(numeric(false, "1", "50"))], vec![Some(hex(&bytes.replace(' ', "")))], vec![None]];
        let decoded = decode(&tuples(&rows), &[column(kind.clone())]).unwrap();
        let [fault] = decoded.faults.as_slice() else { panic!("{:?}", decoded.faults) };
        assert_eq!((fault.row, fault.column, fault.code), (1, 0, code));
        assert_eq!((fault.shown.as_str(), fault.message.as_str()), (shown, message));
        assert!(fault.help.contains("`numeric: text`"));
        let read: Vec<_> = decoded.columns[0].as_primitive::<Decimal128Type>().iter().collect();
        assert_eq!(read, [Some(150), None, None]);
    }
}

#[test]
fn zeros_that_postgresql_leaves_out_change_nothing() {
    // 0, 12, 0 with the weight 1: 12.
    let padded = hex("00030001000000000000000c0000");
    assert_eq!(value_to_text(&Kind::Numeric, &padded).as_deref(), Ok("12"));
    assert_eq!(decode_decimal(&padded, 2, 0), Ok(Some("12".to_owned())));
    // More digits than the display scale are shown, not cut.
    let hidden = hex("0002000000000001000104d2");
    assert_eq!(value_to_text(&Kind::Numeric, &hidden).as_deref(), Ok("1.1234"));
    // Zero has no sign.
    assert_eq!(value_to_text(&Kind::Numeric, &hex("0000000040000002")).as_deref(), Ok("0.00"));
}

#[test]
fn the_largest_and_the_smallest_numeric() {
    let largest = hex("0001 7fff 0000 0000 270f".replace(' ', "").as_str());
    assert_eq!(value_to_text(&Kind::Numeric, &largest), Ok(format!("9999{}", "0".repeat(4 * 32_767))));
    assert_eq!(decode_decimal(&largest, 76, 0), Err("out_of_range".to_owned()));
    let smallest = hex("0001 f000 4000 3fff 000a".replace(' ', "").as_str());
    assert_eq!(value_to_text(&Kind::Numeric, &smallest), Ok(format!("-0.{}1", "0".repeat(16_382))));
    assert_eq!(decode_decimal(&smallest, 76, 76), Err("out_of_range".to_owned()));
}

#[test]
fn messages_and_texts_of_huge_numbers_are_bounded() {
    let largest = hex("00017fff00000000270f");
    let rows: Vec<_> = (0..600).map(|_| vec![Some(largest.clone())]).collect();
    let decoded = decode(&tuples(&rows), &[column(Kind::Decimal { precision: 5, scale: 0 })]).unwrap();
    assert_eq!(decoded.faults.len(), 600);
    assert_eq!(decoded.faults[0].shown.len(), 131_072);
    assert!(decoded.faults.iter().all(|fault| fault.message.len() < 300));
    assert!(decoded.faults[599].shown.ends_with('…'));
    assert!(decoded.faults.iter().map(|fault| fault.shown.len()).sum::<usize>() < 70 << 20);
}
