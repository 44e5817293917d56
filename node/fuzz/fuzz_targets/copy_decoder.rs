#![no_main]

use etl_connector_postgres::copy::decode::{decode, value_to_text};
use etl_connector_postgres::copy::field;
use etl_connector_postgres::types::{Column, Kind, PgType};
use libfuzzer_sys::fuzz_target;

fn kind(byte: u8) -> Kind {
    match byte % 26 {
        0 => Kind::Bool,
        1 => Kind::Int2,
        2 => Kind::Int4,
        3 => Kind::Int8,
        4 => Kind::Oid,
        5 => Kind::Float4,
        6 => Kind::Float8,
        7 => Kind::Decimal { precision: byte / 26 * 8 + 1, scale: (byte / 26) as i8 },
        8 => Kind::Numeric,
        9 => Kind::Money { scale: (byte / 26) as i8 },
        10 => Kind::Text,
        11 => Kind::Char,
        12 => Kind::Bytea,
        13 => Kind::Date,
        14 => Kind::Time,
        15 => Kind::TimeTz,
        16 => Kind::Timestamp,
        17 => Kind::TimestampTz,
        18 => Kind::Interval,
        19 => Kind::Uuid,
        20 => Kind::Json,
        21 => Kind::Jsonb,
        22 => Kind::Inet { cidr: byte >= 128 },
        23 => Kind::Bit,
        _ => Kind::Tid,
    }
}

fn column(byte: u8) -> Column {
    let ty = |kind| PgType { kind, oid: 0, name: String::new() };
    let kind = match byte % 5 {
        0 => Kind::Array { element: Box::new(ty(kind(byte / 5))), dimensions: byte % 3 + 1 },
        _ => kind(byte),
    };
    Column { name: "c".to_owned(), ty: ty(kind), nullable: true }
}

fuzz_target!(|input: (Vec<u8>, &[u8])| {
    let (selectors, tuples) = input;
    let columns: Vec<Column> = selectors.into_iter().take(8).map(column).collect();
    for (at, column) in columns.iter().enumerate() {
        if let Some(Some(value)) = field(tuples, at) {
            let _ = value_to_text(&column.ty.kind, value);
        }
    }
    let Ok(decoded) = decode(tuples, &columns) else { return };
    assert_eq!(decoded.columns.len(), columns.len());
    for (values, column) in decoded.columns.iter().zip(&columns) {
        assert_eq!(values.len(), decoded.rows);
        assert_eq!(values.data_type(), &column.ty.kind.arrow());
        values.to_data().validate_full().expect("sound columns");
    }
    for fault in &decoded.faults {
        assert!(decoded.columns[fault.column].is_null(fault.row));
    }
});
