mod arrays;
mod columns;
mod malformed;
mod numerics;
mod properties;
mod real;

use crate::types::{Column, Kind, PgType};

/// Bytes from their hexadecimal digits.
fn hex(digits: &str) -> Vec<u8> {
    let (pairs, odd) = digits.as_bytes().as_chunks::<2>();
    assert_eq!(odd, b"", "{digits}");
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    pairs.iter().map(byte).collect()
}

fn pg_type(kind: Kind) -> PgType {
    PgType { kind, oid: 0, name: String::new() }
}

/// A column called `c`.
fn column(kind: Kind) -> Column {
    Column { name: "c".to_owned(), ty: pg_type(kind), nullable: true }
}

fn array_of(element: Kind, dimensions: u8) -> Kind {
    Kind::Array { element: Box::new(pg_type(element)), dimensions }
}

/// Tuples in binary form.
fn tuples(rows: &[Vec<Option<Vec<u8>>>]) -> Vec<u8> {
    let mut out = Vec::new();
    for row in rows {
        out.extend(i16::try_from(row.len()).unwrap().to_be_bytes());
        for cell in row {
            match cell {
                Some(bytes) => {
                    out.extend(i32::try_from(bytes.len()).unwrap().to_be_bytes());
                    out.extend(bytes);
                }
                None => out.extend((-1_i32).to_be_bytes()),
            }
        }
    }
    out
}
