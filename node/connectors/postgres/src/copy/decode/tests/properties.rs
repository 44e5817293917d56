//! Whatever the bytes, nothing panics, and what is decoded is sound.

use arrow::array::Array;
use proptest::prelude::*;

use super::{array_of, column, tuples};
use crate::copy::decode::{decode, value_to_text};
use crate::types::{Column, Kind};

fn scalar() -> impl Strategy<Value = Kind> {
    prop_oneof![
        proptest::sample::select(vec![
            Kind::Bool,
            Kind::Int2,
            Kind::Int4,
            Kind::Int8,
            Kind::Oid,
            Kind::Float4,
            Kind::Float8,
            Kind::Numeric,
            Kind::Text,
            Kind::Char,
            Kind::Bytea,
            Kind::Date,
            Kind::Time,
            Kind::TimeTz,
            Kind::Timestamp,
            Kind::TimestampTz,
            Kind::Interval,
            Kind::Uuid,
            Kind::Json,
            Kind::Jsonb,
            Kind::Inet { cidr: false },
            Kind::Inet { cidr: true },
            Kind::Bit,
            Kind::Tid,
        ]),
        (0_u8..=80, -2_i8..=80).prop_map(|(precision, scale)| Kind::Decimal { precision, scale }),
        (-2_i8..=22).prop_map(|scale| Kind::Money { scale }),
    ]
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![4 => scalar(), 2 => (scalar(), 0_u8..=8).prop_map(|(element, dimensions)| array_of(element, dimensions))]
}

/// Bytes of a value that is often right for its kind.
fn value(kind: &Kind) -> BoxedStrategy<Vec<u8>> {
    let fixed = |size: usize| proptest::collection::vec(any::<u8>(), size).boxed();
    match kind {
        Kind::Bool => fixed(1),
        Kind::Char => fixed(1),
        Kind::Int2 => fixed(2),
        Kind::Int4 | Kind::Oid | Kind::Float4 | Kind::Date => fixed(4),
        Kind::Int8 | Kind::Float8 | Kind::Money { .. } | Kind::Timestamp | Kind::TimestampTz => fixed(8),
        Kind::Time => (0_i64..=86_400_000_001).prop_map(|micros| micros.to_be_bytes().to_vec()).boxed(),
        Kind::TimeTz => (0_i64..=86_400_000_000, -57_599_i32..57_600)
            .prop_map(|(micros, west)| [micros.to_be_bytes().as_slice(), &west.to_be_bytes()].concat())
            .boxed(),
        Kind::Tid => fixed(6),
        Kind::Interval | Kind::Uuid => fixed(16),
        Kind::Text | Kind::Json | Kind::Bytea => ".{0,20}".prop_map(String::into_bytes).boxed(),
        Kind::Jsonb => ".{0,20}".prop_map(|text| [&[1], text.as_bytes()].concat()).boxed(),
        Kind::Bit => (0_usize..40)
            .prop_map(|bits| {
                let count = i32::try_from(bits).unwrap().to_be_bytes();
                count.into_iter().chain(vec![0x5a; bits.div_ceil(8)]).collect()
            })
            .boxed(),
        Kind::Inet { .. } => (0_u8..=32, any::<[u8; 4]>())
            .prop_map(|(prefix, [a, b, c, d])| vec![2, prefix, 0, 4, a, b, c, d])
            .boxed(),
        Kind::Numeric | Kind::Decimal { .. } => (
            proptest::collection::vec(0_u16..10_000, 0..8),
            -4_i16..6,
            proptest::sample::select(vec![0_u16, 0x4000, 0xc000, 0xd000, 0xf000]),
            0_u16..20,
        )
            .prop_map(|(digits, weight, sign, scale)| {
                let digits = if sign > 0x4000 { Vec::new() } else { digits };
                let count = u16::try_from(digits.len()).unwrap().to_be_bytes();
                let header = [count, weight.to_be_bytes(), sign.to_be_bytes(), scale.to_be_bytes()];
                header.into_iter().flatten().chain(digits.into_iter().flat_map(u16::to_be_bytes)).collect()
            })
            .boxed(),
        Kind::Array { element, dimensions } => {
            let dimensions = usize::from(*dimensions).min(6);
            let shape = proptest::collection::vec((1_i32..3, 0_i32..2), dimensions);
            let element = proptest::option::of(value(&element.kind));
            (shape, proptest::collection::vec(element, 64), any::<bool>())
                .prop_map(|(shape, elements, straight)| array(&shape, &elements, straight))
                .boxed()
        }
    }
}

fn array(shape: &[(i32, i32)], elements: &[Option<Vec<u8>>], straight: bool) -> Vec<u8> {
    let mut out = i32::try_from(shape.len()).unwrap().to_be_bytes().to_vec();
    out.extend([0, 0, 0, 1, 0, 0, 0, 23]);
    for (length, lower) in shape {
        out.extend(length.to_be_bytes());
        out.extend(if straight { 1 } else { *lower }.to_be_bytes());
    }
    let count: i32 = if shape.is_empty() { 0 } else { shape.iter().map(|(length, _)| length).product() };
    let row = elements.iter().take(usize::try_from(count).unwrap()).cloned().collect();
    // The fields of a tuple look like the elements of an array.
    out.extend(&tuples(&[row])[2..]);
    out
}

fn columns() -> impl Strategy<Value = Vec<Column>> {
    proptest::collection::vec(kind().prop_map(column), 0..5)
}

fn rows(columns: &[Column]) -> BoxedStrategy<Vec<u8>> {
    let cells: Vec<_> = columns.iter().map(|column| proptest::option::of(value(&column.ty.kind))).collect();
    proptest::collection::vec(cells, 0..30).prop_map(|rows| tuples(&rows)).boxed()
}

/// Columns with tuples that are often right for them.
fn tables() -> impl Strategy<Value = (Vec<Column>, Vec<u8>)> {
    columns().prop_flat_map(|columns| {
        let tuples = rows(&columns);
        (Just(columns), tuples)
    })
}

/// Decodes, and looks at everything that comes out.
fn check(tuples: &[u8], columns: &[Column]) -> bool {
    let Ok(decoded) = decode(tuples, columns) else { return false };
    assert_eq!(decoded.columns.len(), columns.len());
    for (array, column) in decoded.columns.iter().zip(columns) {
        assert_eq!(array.len(), decoded.rows);
        assert_eq!(array.data_type(), &column.ty.kind.arrow());
        array.to_data().validate_full().unwrap();
    }
    for fault in &decoded.faults {
        assert!(decoded.columns[fault.column].is_null(fault.row));
        assert!(!fault.shown.is_empty() && !fault.message.is_empty());
    }
    assert!(decoded.faults.is_sorted_by(|a, b| (a.row, a.column) < (b.row, b.column)));
    true
}

fn exists(kind: &Kind) -> bool {
    match kind {
        Kind::Decimal { precision, scale } => {
            (1..=76).contains(precision) && (0..=i16::from(*precision)).contains(&i16::from(*scale))
        }
        Kind::Money { scale } => (0..=19).contains(scale),
        Kind::Array { element, dimensions } => *dimensions > 0 && exists(&element.kind),
        _ => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn right_tuples_decode((columns, tuples) in tables()) {
        let exist = columns.iter().all(|column| exists(&column.ty.kind));
        prop_assert_eq!(check(&tuples, &columns), exist);
    }

    #[test]
    fn arbitrary_bytes_never_panic(columns in columns(), bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        check(&bytes, &columns);
    }

    #[test]
    fn mutated_tuples_never_panic(
        (columns, mut tuples) in tables(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        cut_it: bool,
    ) {
        for (place, byte) in changes {
            if !tuples.is_empty() {
                let place = place.index(tuples.len());
                tuples[place] = byte;
            }
        }
        if cut_it && !tuples.is_empty() {
            tuples.truncate(cut.index(tuples.len()));
        }
        check(&tuples, &columns);
    }

    #[test]
    fn mutated_values_never_panic(
        (kind, mut bytes) in kind().prop_flat_map(|kind| { let bytes = value(&kind); (Just(kind), bytes) }),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        for (place, byte) in changes {
            if !bytes.is_empty() {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
        }
        // A value that cannot be written as text can still be a fault of its row; nothing more is asked of it here.
        let _ = value_to_text(&kind, &bytes);
        check(&tuples(&[vec![None], vec![Some(bytes.clone())], vec![Some(bytes)]]), &[column(kind)]);
    }

    #[test]
    fn floats_read_back(wide: u64, narrow: u32) {
        let (wide, narrow) = (f64::from_bits(wide), f32::from_bits(narrow));
        let text = value_to_text(&Kind::Float8, &wide.to_be_bytes()).unwrap();
        prop_assert!(text.parse::<f64>().is_ok_and(|read| read == wide || (read.is_nan() && wide.is_nan())));
        let text = value_to_text(&Kind::Float4, &narrow.to_be_bytes()).unwrap();
        prop_assert!(text.parse::<f32>().is_ok_and(|read| read == narrow || (read.is_nan() && narrow.is_nan())));
    }
}
