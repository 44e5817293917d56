#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod arrays;
mod default_types;
mod encodings;
mod json;
mod misfits;
mod moments;
mod numbers;
mod numerics;
mod strings;

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{Field, Schema};

use crate::types::{CellFault, PgType};

use super::Encoding;
use super::type_name::TypeName;

/// A built-in type by name.
fn ty(name: &str) -> PgType {
    TypeName::parse(name).unwrap_or_else(|| panic!("{name}")).pg_type()
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn field(array: &ArrayRef) -> Field {
    Field::new("x", array.data_type().clone(), true)
}

/// The bytes of every cell of a column: a value, a null, or the code of a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Cell {
    Value(Vec<u8>),
    Null,
    Fault(&'static str),
}

fn encode(field: Field, array: &ArrayRef, target: &PgType) -> (Vec<u8>, Vec<CellFault>) {
    let schema = Arc::new(Schema::new(vec![field]));
    let encoding = Encoding::new(&schema, std::slice::from_ref(target)).unwrap();
    let batch = RecordBatch::try_new(schema, vec![array.clone()]).unwrap();
    let mut out = Vec::new();
    let faults = encoding.encode(&batch, &mut out).unwrap();
    (out, faults)
}

fn cells_of(field: Field, array: &ArrayRef, target: &PgType) -> Vec<Cell> {
    let (out, faults) = encode(field, array, target);
    let mut rest = out.as_slice();
    let mut cells = Vec::new();
    for row in 0..array.len() {
        if let Some(fault) = faults.iter().find(|fault| fault.row == row) {
            assert_eq!(fault.column, 0);
            assert!(!fault.message.is_empty() && !fault.help.is_empty());
            cells.push(Cell::Fault(fault.code));
            continue;
        }
        assert_eq!(&rest[..2], [0, 1]);
        let length = i32::from_be_bytes(rest[2..6].try_into().unwrap());
        rest = &rest[6..];
        if length == -1 {
            cells.push(Cell::Null);
            continue;
        }
        let (value, after) = rest.split_at(usize::try_from(length).unwrap());
        cells.push(Cell::Value(value.to_vec()));
        rest = after;
    }
    assert!(rest.is_empty());
    cells
}

fn cells(array: &ArrayRef, name: &str) -> Vec<Cell> {
    cells_of(field(array), array, &ty(name))
}

/// The cells, which must be values.
fn values(array: &ArrayRef, name: &str) -> Vec<Vec<u8>> {
    cells(array, name)
        .into_iter()
        .map(|cell| match cell {
            Cell::Value(bytes) => bytes,
            other => panic!("{other:?} in {name}"),
        })
        .collect()
}

/// The codes of a column in which every row is a fault.
fn codes(array: &ArrayRef, name: &str) -> Vec<&'static str> {
    cells(array, name)
        .into_iter()
        .map(|cell| match cell {
            Cell::Fault(code) => code,
            other => panic!("{other:?} in {name}"),
        })
        .collect()
}

/// The messages of all faults.
fn messages(array: &ArrayRef, name: &str) -> Vec<String> {
    encode(field(array), array, &ty(name)).1.into_iter().map(|fault| fault.message).collect()
}
