//! Bytes that are not what PostgreSQL sends.

use super::{array_of, column, hex, tuples};
use crate::copy::decode::{Flaw, decode, value_to_text};
use crate::types::{Column, Kind};

fn named(name: &str, kind: Kind) -> Column {
    Column { name: name.to_owned(), ..column(kind) }
}

#[test]
fn tuples_that_do_not_fit() {
    let columns = [named("a", Kind::Int4), named("b", Kind::Text)];
    let good = tuples(&[vec![Some(vec![0; 4]), None]]);
    let refused = [
        ("00", None, Flaw::Truncated),
        ("ffff", None, Flaw::FieldCount { expected: 2, found: -1 }),
        ("0001ffffffff", None, Flaw::FieldCount { expected: 2, found: 1 }),
        ("0003ffffffffffffffffffffffff", None, Flaw::FieldCount { expected: 2, found: 3 }),
        ("0002", Some("a"), Flaw::Truncated),
        ("0002000000", Some("a"), Flaw::Truncated),
        ("0002ffffffff", Some("b"), Flaw::Truncated),
        ("0002fffffffeffffffff", Some("a"), Flaw::Length(-2)),
        ("0002ffffffff80000000", Some("b"), Flaw::Length(i32::MIN)),
        ("0002ffffffff7fffffff61", Some("b"), Flaw::Truncated),
        ("0002ffffffff0000000261", Some("b"), Flaw::Truncated),
        ("00020000000312345600000000", Some("a"), Flaw::Size { expected: 4, found: 3 }),
        ("000200000000ffffffff", Some("a"), Flaw::Size { expected: 4, found: 0 }),
        ("0002ffffffff00000002c328", Some("b"), Flaw::Utf8),
    ];
    for (bytes, name, flaw) in refused {
        for before in [0, 1, 3000] {
            let mut bytes_read = good.repeat(before);
            bytes_read.extend(hex(bytes));
            let malformed = decode(&bytes_read, &columns).unwrap_err();
            assert_eq!(
                (malformed.row, malformed.column.as_deref(), malformed.flaw),
                (before, name, flaw),
                "{bytes}"
            );
        }
    }
    let malformed =
        decode(&[good.clone(), hex("0002ffffffff00000001ff"), good].concat(), &columns).unwrap_err();
    assert_eq!(malformed.to_string(), "row 1, column `b`: the text is not UTF-8");
    assert_eq!(decode(&[0], &columns).unwrap_err().to_string(), "row 0: the data ends in the middle");
}

#[test]
fn a_character_cut_in_two_is_not_utf8() {
    let rows = [vec![Some(b"x".to_vec())], vec![Some(vec![0xc3])], vec![Some(vec![0xa9])]];
    let malformed = decode(&tuples(&rows), &[column(Kind::Text)]).unwrap_err();
    assert_eq!((malformed.row, malformed.flaw), (1, Flaw::Utf8));
}

#[test]
fn values_that_do_not_fit_their_type() {
    let sizes = [
        (Kind::Bool, 1),
        (Kind::Int2, 2),
        (Kind::Int4, 4),
        (Kind::Int8, 8),
        (Kind::Oid, 4),
        (Kind::Float4, 4),
        (Kind::Float8, 8),
        (Kind::Money { scale: 2 }, 8),
        (Kind::Char, 1),
        (Kind::Date, 4),
        (Kind::Time, 8),
        (Kind::TimeTz, 12),
        (Kind::Timestamp, 8),
        (Kind::TimestampTz, 8),
        (Kind::Interval, 16),
        (Kind::Uuid, 16),
        (Kind::Tid, 6),
    ];
    for (kind, expected) in sizes {
        for found in [0, expected - 1, expected + 1] {
            refused(&kind, &vec![0; found], Flaw::Size { expected, found });
        }
    }
    let others = [
        (Kind::Jsonb, "", Flaw::Truncated),
        (Kind::Jsonb, "027b7d", Flaw::JsonbVersion(2)),
        (Kind::Text, "ff", Flaw::Utf8),
        (Kind::Jsonb, "01ff", Flaw::Utf8),
        (Kind::Numeric, "00000000000000", Flaw::Truncated),
        // A digit too few, too many, half a digit, one of 10000, an unknown sign, a scale beyond the largest.
        (Kind::Numeric, "0002000000000000 0001", Flaw::Numeric),
        (Kind::Numeric, "0000000000000000 0001", Flaw::Numeric),
        (Kind::Numeric, "0001000000000000 000100", Flaw::Numeric),
        (Kind::Numeric, "0001000000000000 2710", Flaw::Numeric),
        (Kind::Numeric, "0001000020000000 0001", Flaw::Numeric),
        (Kind::Numeric, "0001000000004000 0001", Flaw::Numeric),
        (Kind::Numeric, "00010000c0000000 0001", Flaw::Numeric),
        // An unknown family, a prefix too long, a wrong length, no flag, an address too short.
        (Kind::Inet { cidr: false }, "04200004 01020304", Flaw::Inet),
        (Kind::Inet { cidr: false }, "02210004 01020304", Flaw::Inet),
        (Kind::Inet { cidr: true }, "02210004 01020304", Flaw::Inet),
        (Kind::Inet { cidr: false }, "02200010 01020304", Flaw::Inet),
        (Kind::Inet { cidr: false }, "02200204 01020304", Flaw::Inet),
        (Kind::Inet { cidr: false }, "03800010 01020304", Flaw::Inet),
        (Kind::Inet { cidr: false }, "", Flaw::Inet),
        (Kind::Bit, "000000", Flaw::Truncated),
        (Kind::Bit, "ffffffff", Flaw::Bit),
        (Kind::Bit, "0000000900", Flaw::Bit),
        (Kind::Bit, "000000080000", Flaw::Bit),
        // Times beyond the day, and zones of 16 hours.
        (Kind::TimeTz, "000000141dd76001 00000000", Flaw::TimeTz),
        (Kind::TimeTz, "ffffffffffffffff 00000000", Flaw::TimeTz),
        (Kind::TimeTz, "0000000000000000 0000e100", Flaw::TimeTz),
        (Kind::TimeTz, "0000000000000000 80000000", Flaw::TimeTz),
    ];
    for (kind, bytes, flaw) in others {
        refused(&kind, &hex(&bytes.replace(' ', "")), flaw);
    }
    let decimal = Kind::Decimal { precision: 5, scale: 2 };
    refused(&decimal, &hex("00020000000000000001"), Flaw::Numeric);
}

fn refused(kind: &Kind, bytes: &[u8], flaw: Flaw) {
    assert_eq!(value_to_text(kind, bytes), Err(flaw), "{kind:?} {bytes:?}");
    let rows = [vec![None], vec![Some(bytes.to_vec())]];
    let malformed = decode(&tuples(&rows), &[column(kind.clone())]).unwrap_err();
    assert_eq!((malformed.row, malformed.flaw), (1, flaw), "{kind:?} {bytes:?}");
}

#[test]
fn columns_of_types_that_do_not_exist() {
    let kinds = [
        Kind::Decimal { precision: 0, scale: 0 },
        Kind::Decimal { precision: 77, scale: 0 },
        Kind::Decimal { precision: 5, scale: 6 },
        Kind::Decimal { precision: 5, scale: -1 },
        Kind::Money { scale: 20 },
        Kind::Money { scale: -1 },
        array_of(Kind::Int4, 0),
        array_of(array_of(Kind::Int4, 1), 1),
        array_of(Kind::Money { scale: 20 }, 1),
    ];
    for kind in kinds {
        let malformed = decode(&[], &[column(Kind::Int4), named("x", kind)]).unwrap_err();
        assert_eq!((malformed.column.as_deref(), malformed.flaw), (Some("x"), Flaw::Type));
    }
}
