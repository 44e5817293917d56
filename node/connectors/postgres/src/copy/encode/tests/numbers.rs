use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal32Array, Decimal64Array, Decimal128Array, Decimal256Array, Float16Array,
    Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, NullArray, UInt8Array,
    UInt16Array, UInt32Array, UInt64Array,
};
use arrow::datatypes::{ArrowPrimitiveType, Float16Type, i256};

use super::{Cell, cells, codes, messages, values};

/// The smallest, the largest and a middle value of every type of whole numbers, with their values.
fn whole_numbers() -> Vec<(ArrayRef, Vec<i128>)> {
    vec![
        (Arc::new(Int8Array::from(vec![i8::MIN, i8::MAX, 5])), vec![-128, 127, 5]),
        (Arc::new(Int16Array::from(vec![i16::MIN, i16::MAX, 5])), vec![-32768, 32767, 5]),
        (Arc::new(Int32Array::from(vec![i32::MIN, i32::MAX, 5])), vec![-2147483648, 2147483647, 5]),
        (
            Arc::new(Int64Array::from(vec![i64::MIN, i64::MAX, 5])),
            vec![-9223372036854775808, 9223372036854775807, 5],
        ),
        (Arc::new(UInt8Array::from(vec![u8::MIN, u8::MAX, 5])), vec![0, 255, 5]),
        (Arc::new(UInt16Array::from(vec![u16::MIN, u16::MAX, 5])), vec![0, 65535, 5]),
        (Arc::new(UInt32Array::from(vec![u32::MIN, u32::MAX, 5])), vec![0, 4294967295, 5]),
        (Arc::new(UInt64Array::from(vec![u64::MIN, u64::MAX, 5])), vec![0, 18446744073709551615, 5]),
    ]
}

/// Whole numbers in every form that can hold them, also with a scale.
fn all_forms(value: i128) -> Vec<ArrayRef> {
    let mut forms: Vec<ArrayRef> = Vec::new();
    if let Ok(value) = i64::try_from(value) {
        forms.push(Arc::new(Int64Array::from(vec![value])));
    }
    if let Ok(value) = u64::try_from(value) {
        forms.push(Arc::new(UInt64Array::from(vec![value])));
    }
    let decimal = Decimal128Array::from(vec![value * 1000]);
    forms.push(Arc::new(decimal.with_precision_and_scale(38, 3).unwrap()));
    let wide = i256::from_i128(value) * i256::from_i128(10i128.pow(30));
    forms.push(Arc::new(Decimal256Array::from(vec![wide]).with_precision_and_scale(76, 30).unwrap()));
    forms
}

#[test]
fn whole_numbers_go_where_they_fit_and_nowhere_else() {
    let targets: [(&str, i128, i128, usize); 4] = [
        ("smallint", -32768, 32767, 2),
        ("integer", -2147483648, 2147483647, 4),
        ("bigint", -9223372036854775808, 9223372036854775807, 8),
        ("oid", 0, 4294967295, 4),
    ];
    for (array, numbers) in whole_numbers() {
        for (name, least, most, size) in targets {
            for (cell, number) in cells(&array, name).into_iter().zip(&numbers) {
                let expected = if (least..=most).contains(number) {
                    Cell::Value(number.to_be_bytes()[16 - size..].to_vec())
                } else {
                    Cell::Fault("out_of_range")
                };
                assert_eq!(cell, expected, "{number} of {} in {name}", array.data_type());
            }
        }
    }
}

#[test]
fn decimals_are_whole_numbers_where_their_fraction_is_zero() {
    for (name, least, most, size) in
        [("smallint", -32768i128, 32767i128, 2), ("bigint", i64::MIN.into(), i64::MAX.into(), 8)]
    {
        for number in [least, most, 0, -7] {
            for form in all_forms(number) {
                let expected = vec![number.to_be_bytes()[16 - size..].to_vec()];
                if number >= 0 || form.data_type() != &arrow::datatypes::DataType::UInt64 {
                    assert_eq!(values(&form, name), expected, "{number} of {}", form.data_type());
                }
            }
        }
        for number in [least - 1, most + 1] {
            for form in all_forms(number) {
                assert_eq!(codes(&form, name), ["out_of_range"], "{number} of {}", form.data_type());
            }
        }
    }
    let fraction: ArrayRef =
        Arc::new(Decimal128Array::from(vec![1500]).with_precision_and_scale(10, 3).unwrap());
    assert_eq!(messages(&fraction, "bigint"), ["1.500 does not fit bigint"]);
    let negative_scale: ArrayRef =
        Arc::new(Decimal32Array::from(vec![-12, 0]).with_precision_and_scale(5, -3).unwrap());
    assert_eq!(
        values(&negative_scale, "integer"),
        [(-12000i32).to_be_bytes().to_vec(), 0i32.to_be_bytes().to_vec()]
    );
    let far: ArrayRef = Arc::new(Decimal64Array::from(vec![1]).with_precision_and_scale(5, -100).unwrap());
    assert_eq!(codes(&far, "bigint"), ["out_of_range"]);
    assert_eq!(codes(&far, "money"), ["out_of_range"]);
}

#[test]
fn floats_are_whole_numbers_where_they_are_integral() {
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![-32768.0, -0.0, 32767.0]));
    let bytes = |value: i16| value.to_be_bytes().to_vec();
    assert_eq!(values(&floats, "smallint"), [bytes(-32768), bytes(0), bytes(32767)]);
    let wrong = [0.5, 32768.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300];
    let floats: ArrayRef = Arc::new(Float64Array::from(wrong.to_vec()));
    assert_eq!(codes(&floats, "smallint"), ["out_of_range"; 6]);
    // The double above the largest bigint, and the one below it.
    let edge: ArrayRef = Arc::new(Float64Array::from(vec![9223372036854775808.0, 9223372036854774784.0]));
    assert_eq!(
        cells(&edge, "bigint"),
        [Cell::Fault("out_of_range"), Cell::Value(9223372036854774784i64.to_be_bytes().to_vec())]
    );
    let narrow: ArrayRef = Arc::new(Float32Array::from(vec![16777216.0f32]));
    assert_eq!(values(&narrow, "oid"), [16777216u32.to_be_bytes()]);
}

#[test]
fn whole_numbers_become_floats_only_exactly() {
    let exact: ArrayRef = Arc::new(Int64Array::from(vec![i64::MIN, 1 << 53, -(1 << 24)]));
    assert_eq!(
        values(&exact, "double precision"),
        [(-9223372036854775808f64), 9007199254740992.0, -16777216.0].map(f64::to_be_bytes)
    );
    let inexact: ArrayRef = Arc::new(Int64Array::from(vec![i64::MAX, (1 << 53) + 1]));
    assert_eq!(codes(&inexact, "double precision"), ["out_of_range"; 2]);
    let unsigned: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX]));
    assert_eq!(codes(&unsigned, "double precision"), ["out_of_range"]);
    let narrow: ArrayRef = Arc::new(Int32Array::from(vec![16777216, 16777217]));
    assert_eq!(
        cells(&narrow, "real"),
        [Cell::Value(16777216f32.to_be_bytes().to_vec()), Cell::Fault("out_of_range")]
    );
}

#[test]
fn floats_become_narrower_only_exactly() {
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![1.5, -0.0, f64::INFINITY, 0.1, 1e39, 1e-60]));
    let fits = |value: f32| Cell::Value(value.to_be_bytes().to_vec());
    assert_eq!(
        cells(&floats, "real"),
        [
            fits(1.5),
            fits(-0.0),
            fits(f32::INFINITY),
            Cell::Fault("out_of_range"),
            Cell::Fault("out_of_range"),
            Cell::Fault("out_of_range")
        ]
    );
    let nan: ArrayRef = Arc::new(Float64Array::from(vec![f64::NAN]));
    let bytes = values(&nan, "real").remove(0);
    assert!(f32::from_be_bytes(bytes.try_into().unwrap()).is_nan());
    let half = <Float16Type as ArrowPrimitiveType>::Native::from_f32(0.5);
    let halves: ArrayRef = Arc::new(Float16Array::from(vec![half]));
    assert_eq!(values(&halves, "real"), [0.5f32.to_be_bytes()]);
    assert_eq!(values(&halves, "double precision"), [0.5f64.to_be_bytes()]);
    let wide: ArrayRef = Arc::new(Float64Array::from(vec![f64::MAX, f64::NEG_INFINITY]));
    assert_eq!(values(&wide, "double precision"), [f64::MAX, f64::NEG_INFINITY].map(f64::to_be_bytes));
}

#[test]
fn decimals_become_floats_where_the_shortest_text_is_the_same() {
    let decimals: ArrayRef = Arc::new(
        Decimal128Array::from(vec![110, 0, -25, 12345678901234567890123456789])
            .with_precision_and_scale(38, 2)
            .unwrap(),
    );
    let fits = |value: f64| Cell::Value(value.to_be_bytes().to_vec());
    assert_eq!(
        cells(&decimals, "double precision"),
        [fits(1.1), fits(0.0), fits(-0.25), Cell::Fault("out_of_range")]
    );
    assert_eq!(
        values(&Arc::new(decimals.slice(0, 1)), "real"),
        [1.1f32.to_be_bytes()],
        "the shortest text of the narrow type counts"
    );
}

#[test]
fn money_counts_the_smallest_unit() {
    let whole: ArrayRef = Arc::new(Int64Array::from(vec![12, -92233720368547758, 92233720368547759]));
    let fits = |value: i64| Cell::Value(value.to_be_bytes().to_vec());
    assert_eq!(cells(&whole, "money"), [fits(1200), fits(-9223372036854775800), Cell::Fault("out_of_range")]);
    let decimals: ArrayRef = Arc::new(
        Decimal128Array::from(vec![12340000, 12345600, i128::from(i64::MAX) * 1000, -12])
            .with_precision_and_scale(38, 5)
            .unwrap(),
    );
    assert_eq!(
        cells(&decimals, "money"),
        [fits(12340), Cell::Fault("out_of_range"), fits(i64::MAX), Cell::Fault("out_of_range")]
    );
}

#[test]
fn a_row_identifier_is_block_and_offset() {
    let places: ArrayRef = Arc::new(UInt64Array::from(vec![5 << 16 | 7, (1 << 48) - 1, 1 << 48]));
    assert_eq!(
        cells(&places, "tid"),
        [Cell::Value(vec![0, 0, 0, 5, 0, 7]), Cell::Value(vec![0xff; 6]), Cell::Fault("out_of_range")]
    );
    let negative: ArrayRef = Arc::new(Int64Array::from(vec![-1]));
    assert_eq!(codes(&negative, "tid"), ["out_of_range"]);
}

#[test]
fn booleans_and_nulls() {
    let booleans: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]));
    assert_eq!(cells(&booleans, "boolean"), [Cell::Value(vec![1]), Cell::Null, Cell::Value(vec![0])]);
    let nulls: ArrayRef = Arc::new(NullArray::new(2));
    for name in ["boolean", "uuid", "numeric(3,1)", "integer[]", "jsonb", "tid"] {
        assert_eq!(cells(&nulls, name), [Cell::Null, Cell::Null]);
    }
}
