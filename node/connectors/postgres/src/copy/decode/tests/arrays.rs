//! Arrays, with bytes that PostgreSQL 15 sent and its texts for them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, ListArray};
use arrow::datatypes::{Int32Type, TimestampMicrosecondType};

use super::{array_of, column, hex, tuples};
use crate::copy::decode::{Flaw, decode, value_to_text};
use crate::types::Kind;

/// Bytes and their text.
type Values = &'static [(&'static str, &'static str)];

const ARRAYS: &[(Kind, u8, Values)] = &[
    (
        Kind::Int4,
        1,
        &[
            ("000000000000000000000017", "{}"),
            (
                "00000001000000010000001700000003000000010000000400000001ffffffff0000000400000003",
                "{1,NULL,3}",
            ),
            ("00000001000000000000001700000001000000010000000480000000", "{-2147483648}"),
            ("0000000100000001000000170000000200000001ffffffffffffffff", "{NULL,NULL}"),
        ],
    ),
    (
        Kind::Int4,
        2,
        &[
            ("000000000000000000000017", "{}"),
            (
                "00000002000000010000001700000002000000010000000200000001000000040000000100000004000000020000000400000003ffffffff",
                "{{1,2},{3,NULL}}",
            ),
            (
                "00000002000000000000001700000003000000010000000100000001000000040000000100000004000000020000000400000003",
                "{{1},{2},{3}}",
            ),
        ],
    ),
    (
        Kind::Int4,
        3,
        &[
            (
                "00000003000000000000001700000002000000010000000200000001000000020000000100000004000000010000000400000002000000040000000300000004000000040000000400000005000000040000000600000004000000070000000400000008",
                "{{{1,2},{3,4}},{{5,6},{7,8}}}",
            ),
            (
                "0000000300000000000000170000000100000001000000010000000100000001000000010000000400000001",
                "{{{1}}}",
            ),
        ],
    ),
    (
        Kind::Int4,
        1,
        &[
            (
                "0000000100000000000000170000000300000000000000040000000100000004000000020000000400000003",
                "[0:2]={1,2,3}",
            ),
            (
                "0000000200000000000000170000000100000001000000020000000100000004000000010000000400000002",
                "{{1,2}}",
            ),
            (
                "000000020000000000000017000000020000000100000002fffffffd0000000400000001000000040000000200000004000000030000000400000004",
                "[1:2][-3:-2]={{1,2},{3,4}}",
            ),
            ("00000001000000010000001700000002000000020000000400000001ffffffff", "[2:3]={1,NULL}"),
            (
                "00000006000000000000001700000001000000010000000100000001000000010000000100000001000000010000000100000001000000020000000100000004000000010000000400000002",
                "{{{{{{1,2}}}}}}",
            ),
        ],
    ),
    (
        Kind::Text,
        1,
        &[
            ("000000000000000000000019", "{}"),
            (
                "0000000100000001000000190000000f00000001000000016100000000ffffffff000000044e554c4c000000046e756c6c0000000361206200000003612c62000000017b000000017d0000000122000000015c000000012000000002c3a9000000010900000003613b62",
                "{a,\"\",NULL,\"NULL\",\"null\",\"a b\",\"a,b\",\"{\",\"}\",\"\\\"\",\"\\\\\",\" \",é,\"\t\",a;b}",
            ),
        ],
    ),
    (
        Kind::Bool,
        1,
        &[("000000010000000100000010000000030000000100000001010000000100ffffffff", "{t,f,NULL}")],
    ),
    (
        Kind::Bytea,
        1,
        &[(
            "00000001000000010000001100000003000000010000000200ffffffffff00000000",
            "{\"\\\\x00ff\",NULL,\"\\\\x\"}",
        )],
    ),
    (
        Kind::Timestamp,
        1,
        &[(
            "00000001000000010000045a0000000300000001000000080002b0ec851f1b00000000087fffffffffffffffffffffff",
            "{\"2024-01-02 03:04:05.6\",infinity,NULL}",
        )],
    ),
    (
        Kind::Numeric,
        1,
        &[(
            "0000000100000001000006a400000005000000010000000c0002000000000002000113880000000800000000c0000000ffffffff0000000a000100050000000000010000000800000000d0000020",
            "{1.50,NaN,NULL,100000000000000000000,Infinity}",
        )],
    ),
    (
        Kind::Jsonb,
        1,
        &[(
            "000000010000000100000eda000000030000000100000009017b2261223a20317dffffffff000000020131",
            "{\"{\\\"a\\\": 1}\",NULL,1}",
        )],
    ),
    (
        Kind::Inet { cidr: false },
        1,
        &[(
            "0000000100000000000003650000000200000001000000080218000401020304000000140380001000000000000000000000000000000001",
            "{1.2.3.4/24,::1}",
        )],
    ),
    (
        Kind::Interval,
        1,
        &[(
            "0000000100000000000004a20000000200000001000000100000000000000000000000010000000000000010fffffffffff0bdc00000000000000000",
            "{P1D,PT-1S}",
        )],
    ),
];

/// Bytes of the array with this text.
fn bytes(text: &str) -> Vec<u8> {
    let found = ARRAYS.iter().flat_map(|(_, _, values)| *values).find(|(_, shown)| *shown == text);
    hex(found.unwrap().0)
}

fn lists(kind: Kind, dimensions: u8, values: &[Option<Vec<u8>>]) -> ArrayRef {
    let rows: Vec<_> = values.iter().map(|value| vec![value.clone()]).collect();
    let decoded = decode(&tuples(&rows), &[column(array_of(kind.clone(), dimensions))]).unwrap();
    assert_eq!(decoded.faults, []);
    assert_eq!(decoded.columns[0].data_type(), &array_of(kind, dimensions).arrow());
    decoded.columns[0].clone()
}

#[test]
fn texts_are_those_of_postgresql() {
    for (kind, dimensions, values) in ARRAYS {
        for (bytes, text) in *values {
            let kind = array_of(kind.clone(), *dimensions);
            assert_eq!(value_to_text(&kind, &hex(bytes)).as_deref(), Ok(*text), "{bytes}");
        }
    }
}

#[test]
fn lists_hold_empty_arrays_nulls_and_null_elements() {
    let values =
        [Some(bytes("{}")), None, Some(bytes("{1,NULL,3}")), Some(bytes("{NULL,NULL}")), Some(bytes("{}"))];
    let expected = ListArray::from_iter_primitive::<Int32Type, _, _>([
        Some(vec![]),
        None,
        Some(vec![Some(1), None, Some(3)]),
        Some(vec![None, None]),
        Some(vec![]),
    ]);
    assert_eq!(lists(Kind::Int4, 1, &values).as_list::<i32>(), &expected);
}

#[test]
fn dimensions_nest() {
    let values = [Some(bytes("{{1},{2},{3}}")), Some(bytes("{}")), None, Some(bytes("{{1,2},{3,NULL}}"))];
    let array = lists(Kind::Int4, 2, &values);
    let array = array.as_list::<i32>();
    let lengths: Vec<_> = (0..4).map(|row| array.value(row).len()).collect();
    assert_eq!((lengths, array.is_null(2), array.is_null(1)), (vec![3, 0, 0, 2], true, false));
    let expected = ListArray::from_iter_primitive::<Int32Type, _, _>([
        Some(vec![Some(1), Some(2)]),
        Some(vec![Some(3), None]),
    ]);
    assert_eq!(array.value(3).as_list::<i32>(), &expected);

    let array = lists(Kind::Int4, 3, &[Some(bytes("{{{1,2},{3,4}},{{5,6},{7,8}}}")), Some(bytes("{{{1}}}"))]);
    let second = array.as_list::<i32>().value(0).as_list::<i32>().value(1);
    let expected: ArrayRef = Arc::new(Int32Array::from(vec![7, 8]));
    assert_eq!(&second.as_list::<i32>().value(1), &expected);
    assert_eq!(array.as_list::<i32>().value(1).as_list::<i32>().value(0).as_list::<i32>().value(0).len(), 1);
}

#[test]
fn elements_of_other_kinds() {
    let texts = lists(Kind::Text, 1, &[Some(hex(ARRAYS[4].2[1].0))]);
    let texts = texts.as_list::<i32>().value(0);
    let texts: Vec<_> = texts.as_string::<i32>().iter().collect();
    assert_eq!(texts[..5], [Some("a"), Some(""), None, Some("NULL"), Some("null")]);

    let stamps = lists(Kind::Timestamp, 1, &[Some(hex(ARRAYS[7].2[0].0))]);
    let stamps = stamps.as_list::<i32>().value(0);
    let stamps: Vec<_> = stamps.as_primitive::<TimestampMicrosecondType>().iter().collect();
    assert_eq!(stamps, [Some(1_704_164_645_600_000), Some(i64::MAX), None]);

    let flags = lists(Kind::Bool, 1, &[Some(bytes("{t,f,NULL}"))]);
    let flags = flags.as_list::<i32>().value(0);
    assert_eq!(flags.as_boolean().iter().collect::<Vec<_>>(), [Some(true), Some(false), None]);

    let numbers = lists(Kind::Numeric, 1, &[Some(bytes("{1.50,NaN,NULL,100000000000000000000,Infinity}"))]);
    let numbers = numbers.as_list::<i32>().value(0);
    let numbers: Vec<_> = numbers.as_string::<i32>().iter().collect();
    assert_eq!(numbers, [Some("1.50"), Some("NaN"), None, Some("100000000000000000000"), Some("Infinity")]);
}

#[test]
fn other_shapes_are_faults() {
    let values = ["[0:2]={1,2,3}", "{1,NULL,3}", "{{1,2}}", "[2:3]={1,NULL}", "{{{{{{1,2}}}}}}"];
    let rows: Vec<_> = values.iter().map(|text| vec![Some(bytes(text))]).collect();
    let decoded = decode(&tuples(&rows), &[column(array_of(Kind::Int4, 1))]).unwrap();
    let faults: Vec<_> =
        decoded.faults.iter().map(|fault| (fault.row, fault.code, fault.shown.as_str())).collect();
    let code = "array_dimensions";
    assert_eq!(
        faults,
        [(0, code, values[0]), (2, code, values[2]), (3, code, values[3]), (4, code, values[4])]
    );
    assert!(decoded.faults.iter().all(|fault| fault.help.contains("`arrays: text`")));
    assert_eq!(decoded.faults[0].message, "the subscripts of `[0:2]={1,2,3}` begin at 0 instead of 1");
    assert_eq!(decoded.faults[1].message, "`{{1,2}}` has 2 dimensions, the column has 1");
    let array = decoded.columns[0].as_list::<i32>();
    assert_eq!((0..5).map(|row| array.is_valid(row)).collect::<Vec<_>>(), [false, true, false, false, false]);
    assert_eq!(array.value(1).as_primitive::<Int32Type>().len(), 3);
}

#[test]
fn a_fault_of_an_element_is_one_of_its_array() {
    // {1,NaN,NaN}, {2}, {NaN} of numeric(10,2).
    let one = "0000000a00010000000000020001";
    let nan = "0000000800000000c0000000";
    let of = |count: u8, elements: &str| {
        hex(&format!("0000000100000000000006a4000000{count:02x}00000001{elements}"))
    };
    let rows = [
        vec![Some(of(3, &format!("{one}{nan}{nan}")))],
        vec![None],
        vec![Some(of(1, one))],
        vec![Some(of(1, nan))],
        vec![Some(hex(&format!("0000000200000000000006a400000001000000010000000100000001{one}")))],
    ];
    let kind = array_of(Kind::Decimal { precision: 10, scale: 2 }, 1);
    let decoded = decode(&tuples(&rows), &[column(kind)]).unwrap();
    let faults: Vec<_> =
        decoded.faults.iter().map(|fault| (fault.row, fault.code, fault.shown.as_str())).collect();
    assert_eq!(
        faults,
        [
            (0, "not_a_number", "{1.00,NaN,NaN}"),
            (3, "not_a_number", "{NaN}"),
            (4, "array_dimensions", "{{1.00}}")
        ]
    );
    let valid: Vec<_> = (0..5).map(|row| decoded.columns[0].is_valid(row)).collect();
    assert_eq!(valid, [false, false, true, false, false]);
}

#[test]
fn forged_arrays_are_refused() {
    let refused = [
        // No header.
        ("00000001", Flaw::Truncated),
        // A negative and a too large number of dimensions.
        ("ffffffff0000000000000017", Flaw::Array),
        ("000000070000000000000017", Flaw::Array),
        // Unknown flags.
        ("000000000000000200000017", Flaw::Array),
        // Two thousand million elements, as one dimension and as a product that overflows.
        ("0000000100000000000000177fffffff00000001", Flaw::Array),
        ("0000000200000000000000177fffffff000000017fffffff00000001", Flaw::Array),
        // Empty lists by the thousand million.
        ("0000000200000000000000177fffffff000000010000000000000001", Flaw::Array),
        // A negative length.
        ("000000010000000000000017ffffffff00000001", Flaw::Array),
        // An element too few and one too many.
        (
            "0000000100000000000000170000000200000001000000040000000500000000",
            Flaw::Size { expected: 4, found: 0 },
        ),
        ("000000010000000000000017000000020000000100000004000000050000", Flaw::Truncated),
        ("00000001000000000000001700000001000000010000000400000005ffffffff", Flaw::Array),
        ("000000000000000000000017ffffffff", Flaw::Array),
        // An element of another size, and with a length that is none.
        ("0000000100000000000000170000000100000001000000020005", Flaw::Size { expected: 4, found: 2 }),
        ("0000000100000000000000170000000100000001fffffffe", Flaw::Length(-2)),
    ];
    for (bytes, flaw) in refused {
        let kind = array_of(Kind::Int4, 1);
        assert_eq!(value_to_text(&kind, &hex(bytes)), Err(flaw), "{bytes}");
        for dimensions in [1, 2] {
            let columns = [column(array_of(Kind::Int4, dimensions))];
            let rows = [vec![None], vec![Some(hex(bytes))]];
            if dimensions == 2 && matches!(flaw, Flaw::Size { .. }) {
                continue;
            }
            let malformed = decode(&tuples(&rows), &columns).unwrap_err();
            assert_eq!((malformed.row, malformed.flaw), (1, flaw), "{bytes}");
        }
    }
}

#[test]
fn text_of_an_element_that_is_not_utf8_names_its_row() {
    let good = hex("000000010000000000000019000000020000000100000001610000000162");
    let bad = hex("0000000100000000000000190000000200000001000000016100000001ff");
    let rows = [vec![Some(good.clone())], vec![None], vec![Some(bad)], vec![Some(good)]];
    let malformed = decode(&tuples(&rows), &[column(array_of(Kind::Text, 1))]).unwrap_err();
    assert_eq!((malformed.row, malformed.flaw), (2, Flaw::Utf8));
}
