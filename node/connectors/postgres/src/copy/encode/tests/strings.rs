use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BinaryViewArray, DictionaryArray, FixedSizeBinaryArray, Int16Array, Int32Array,
    Int64Array, LargeBinaryArray, LargeStringArray, RunArray, StringArray, StringViewArray,
};
use arrow::datatypes::{Int8Type, Int16Type, Int32Type, Int64Type, UInt64Type};

use crate::types::{Kind, PgType};

use super::{Cell, cells, cells_of, codes, field, messages, texts, values};

fn value(bytes: &[u8]) -> Cell {
    Cell::Value(bytes.to_vec())
}

#[test]
fn text_of_every_layout() {
    let rows = vec![Some(""), None, Some("é😀"), Some("a text longer than a view holds inline")];
    let layouts: [ArrayRef; 4] = [
        Arc::new(StringArray::from(rows.clone())),
        Arc::new(LargeStringArray::from(rows.clone())),
        Arc::new(StringViewArray::from(rows.clone())),
        Arc::new(rows.iter().copied().collect::<DictionaryArray<Int8Type>>()),
    ];
    for array in &layouts {
        let expected: Vec<Cell> =
            rows.iter().map(|row| row.map_or(Cell::Null, |text| value(text.as_bytes()))).collect();
        assert_eq!(cells(array, "text"), expected, "{}", array.data_type());
        assert_eq!(cells(&array.slice(1, 2), "text"), expected[1..3], "{}", array.data_type());
        assert_eq!(cells(array, "xml"), expected);
    }
}

#[test]
fn dictionaries_and_runs_are_what_their_values_are() {
    let numbers = Arc::new(Int64Array::from(vec![Some(7), None, Some(70_000)]));
    let keys = arrow::array::UInt64Array::from(vec![Some(2), Some(1), None, Some(0)]);
    let array: ArrayRef = Arc::new(DictionaryArray::<UInt64Type>::new(keys, numbers));
    assert_eq!(
        cells(&array, "smallint"),
        [Cell::Fault("out_of_range"), Cell::Null, Cell::Null, value(&[0, 7])]
    );
    let none: ArrayRef = Arc::new(DictionaryArray::<Int16Type>::new(
        Int16Array::new_null(2),
        Arc::new(StringArray::new_null(0)),
    ));
    assert_eq!(cells(&none, "text"), [Cell::Null, Cell::Null]);
    let values = StringArray::from(vec![Some("a"), None, Some("b")]);
    let runs: [ArrayRef; 3] = [
        Arc::new(RunArray::<Int16Type>::try_new(&Int16Array::from(vec![2, 3, 5]), &values).unwrap()),
        Arc::new(RunArray::<Int32Type>::try_new(&Int32Array::from(vec![2, 3, 5]), &values).unwrap()),
        Arc::new(RunArray::<Int64Type>::try_new(&Int64Array::from(vec![2, 3, 5]), &values).unwrap()),
    ];
    for runs in runs {
        let expected = [value(b"a"), value(b"a"), Cell::Null, value(b"b"), value(b"b")];
        assert_eq!(cells(&runs, "text"), expected);
        assert_eq!(cells(&runs.slice(1, 3), "text"), expected[1..4]);
    }
}

#[test]
fn a_nul_character_is_a_fault() {
    let array = texts(&["a\0", "\0", "ab"]);
    let nul = Cell::Fault("nul_character");
    for name in ["text", "character varying(10)", "name"] {
        assert_eq!(cells(&array, name), [nul.clone(), nul.clone(), value(b"ab")]);
    }
}

#[test]
fn lengths_count_characters_and_blanks_are_not_lost() {
    let array = texts(&["äöü", "äöüx", "abc ", "ab "]);
    let long = Cell::Fault("too_long");
    assert_eq!(
        cells(&array, "character varying(3)"),
        [value("äöü".as_bytes()), long.clone(), long.clone(), value(b"ab ")]
    );
    assert_eq!(
        cells(&array, "character(3)"),
        [value("äöü".as_bytes()), long.clone(), value(b"abc "), value(b"ab ")]
    );
    assert_eq!(cells(&texts(&["ab", "a"]), "character"), [long.clone(), value(b"a")]);
    let name = "x".repeat(64);
    assert_eq!(cells(&texts(&[&name, &name[1..]]), "name"), [long, value(&name.as_bytes()[1..])]);
}

#[test]
fn an_xml_document_may_not_declare_another_encoding() {
    let latin = "<?xml version=\"1.0\" encoding = 'ISO-8859-1'?><a>é</a>";
    let utf8 = "<?xml version='1.0' encoding='utf-8'?><a encoding='x'/>";
    assert_eq!(
        cells(&texts(&[latin, utf8, "<a encoding='x'/>"]), "xml"),
        [Cell::Fault("invalid_xml"), value(utf8.as_bytes()), value(b"<a encoding='x'/>")]
    );
}

#[test]
fn a_char_is_one_byte() {
    assert_eq!(
        values(&texts(&["x", "", "\\377", "\\000", " "]), "\"char\""),
        [[b'x'], [0], [255], [0], [b' ']]
    );
    assert_eq!(codes(&texts(&["xy", "é", "\\400", "\\38x"]), "\"char\""), ["too_long"; 4]);
    assert_eq!(codes(&texts(&["\0"]), "\"char\""), ["nul_character"]);
}

#[test]
fn types_of_users_take_text() {
    let mood = PgType { kind: Kind::Text, oid: 16_400, name: "app.mood".to_owned() };
    let array = texts(&["happy"]);
    assert_eq!(cells_of(field(&array), &array, &mood), [value(b"happy")]);
}

#[test]
fn bytes_of_every_layout() {
    let rows = vec![Some(b"".as_slice()), None, Some(b"\0\xff")];
    let layouts: [ArrayRef; 3] = [
        Arc::new(BinaryArray::from(rows.clone())),
        Arc::new(LargeBinaryArray::from(rows.clone())),
        Arc::new(BinaryViewArray::from(rows)),
    ];
    for array in layouts {
        assert_eq!(cells(&array, "bytea"), [value(b""), Cell::Null, value(b"\0\xff")]);
    }
    let fixed: ArrayRef = Arc::new(FixedSizeBinaryArray::try_from_iter([[7u8; 16]].iter()).unwrap());
    assert_eq!(values(&fixed, "bytea"), [[7; 16]]);
    assert_eq!(values(&fixed, "uuid"), [[7; 16]]);
}

#[test]
fn uuids() {
    let bytes =
        [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
    let good = texts(&[
        "01234567-89ab-cdef-0123-456789abcdef",
        "0123456789ABCDEF0123456789abcdef",
        "{01234567-89ab-cdef-0123-456789abcdef}",
        "0123-4567-89ab-cdef-0123-4567-89ab-cdef",
    ]);
    assert_eq!(values(&good, "uuid"), [bytes; 4]);
    let bad = texts(&[
        "",
        "01234567-89ab-cdef-0123-456789abcde",
        "01234567-89ab-cdef-0123-456789abcdef0",
        "{01234567-89ab-cdef-0123-456789abcdef",
        "0-1234567-89ab-cdef-0123-456789abcdef",
        "01234567-89ab-cdef-0123-456789abcdeg",
        "01234567-89ab-cdef-0123-456789abcdef-",
        "é1234567-89ab-cdef-0123-456789abcde",
        "{}",
    ]);
    assert_eq!(codes(&bad, "uuid"), ["invalid_uuid"; 9]);
}

#[test]
fn network_addresses() {
    let mut v6 = vec![3, 64, 0, 16, 0x20, 0x01, 0x0d, 0xb8];
    v6.extend([0; 11]);
    v6.push(1);
    assert_eq!(
        values(&texts(&["192.168.0.1/24", "10.0.0.1", "2001:db8::1/64"]), "inet"),
        [vec![2, 24, 0, 4, 192, 168, 0, 1], vec![2, 32, 0, 4, 10, 0, 0, 1], v6]
    );
    let mut any = vec![3, 0, 1, 16];
    any.extend([0; 16]);
    assert_eq!(
        values(&texts(&["192.168.0.0/24", "0.0.0.0/0", "::/0"]), "cidr"),
        [vec![2, 24, 1, 4, 192, 168, 0, 0], vec![2, 0, 1, 4, 0, 0, 0, 0], any]
    );
    let bad = texts(&[
        "",
        "1.2.3",
        "1.2.3.4/33",
        "::1/129",
        "1.2.3.4/",
        "1.2.3.4/+1",
        "1.2.3.4/-1",
        "1.2.3.256",
        "host",
        " ::1",
        "1.2.3.4/24/3",
        "fe80::1%eth0",
        "1.2.3.4/256",
    ]);
    assert_eq!(codes(&bad, "inet"), ["invalid_inet"; 13]);
    let set = texts(&["192.168.0.1/24", "::1/127", "1.0.0.0/0", "8000::/0"]);
    assert_eq!(codes(&set, "cidr"), ["invalid_inet"; 4]);
    assert!(messages(&set, "cidr")[0].contains("right of its prefix"));
}

#[test]
fn strings_of_bits() {
    assert_eq!(
        values(&texts(&["", "1", "10101010", "101010101"]), "bit varying"),
        [vec![0, 0, 0, 0], vec![0, 0, 0, 1, 0x80], vec![0, 0, 0, 8, 0xaa], vec![0, 0, 0, 9, 0xaa, 0x80]]
    );
    assert_eq!(
        cells(&texts(&["101", "10", "1010"]), "bit(3)"),
        [value(&[0, 0, 0, 3, 0xa0]), Cell::Fault("too_long"), Cell::Fault("too_long")]
    );
    assert_eq!(
        cells(&texts(&["10", "1010"]), "bit varying(3)"),
        [value(&[0, 0, 0, 2, 0x80]), Cell::Fault("too_long")]
    );
    assert_eq!(codes(&texts(&["2", "1 ", "x1"]), "\"bit\""), ["invalid_bits"; 3]);
}
