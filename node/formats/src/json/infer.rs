use std::sync::Arc;

use arrow::array::Array;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema};
use etl_model::{is_json, json_field};

use crate::{Decoder, FormatError, Section};

use super::decoder::JsonDecoder;
use super::options::JsonOptions;

/// The columns of a sample of whole records, in the order of their first appearance. Malformed records are left out;
/// what no record of the sample tells (a field that is always null) is JSON-typed.
///
/// # Errors
/// A defect only; no content of the sample is an error.
pub fn infer(section: Section<'_>, options: JsonOptions) -> Result<Schema, FormatError> {
    let (batches, _) = JsonDecoder::new(options, None, false)?.decode(section)?;
    if let [batch] = batches.as_slice() {
        return Ok(Schema::new(batch.schema().fields().clone()));
    }
    let mut known: Vec<FieldRef> = Vec::new();
    // Columns without a value in one batch say nothing; they come last, unless another batch knows them.
    let mut empty: Vec<FieldRef> = Vec::new();
    for batch in &batches {
        for (field, array) in batch.schema().fields().iter().zip(batch.records().columns()) {
            let target = if array.null_count() == array.len() { &mut empty } else { &mut known };
            merge_into(target, field);
        }
    }
    for field in empty {
        if known.iter().all(|other| other.name() != field.name()) {
            known.push(field);
        }
    }
    Ok(Schema::new(known))
}

fn merge_into(fields: &mut Vec<FieldRef>, field: &FieldRef) {
    match fields.iter_mut().find(|known| known.name() == field.name()) {
        Some(known) => *known = Arc::new(merge(known, field)),
        None => fields.push(field.clone()),
    }
}

/// The field that holds the values of both. Integers beyond 2^53 beside doubles are settled batch by batch.
fn merge(left: &Field, right: &Field) -> Field {
    let name = left.name();
    match (left.data_type(), right.data_type()) {
        (l, r) if l == r && is_json(left) == is_json(right) => left.clone(),
        (DataType::Int64, DataType::Float64) | (DataType::Float64, DataType::Int64) => {
            Field::new(name, DataType::Float64, true)
        }
        (DataType::Struct(l), DataType::Struct(r)) => {
            let mut fields: Vec<FieldRef> = l.iter().cloned().collect();
            r.iter().for_each(|field| merge_into(&mut fields, field));
            Field::new(name, DataType::Struct(Fields::from(fields)), true)
        }
        (DataType::List(l), DataType::List(r)) => {
            Field::new(name, DataType::List(Arc::new(merge(l, r))), true)
        }
        _ => json_field(name, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_batches_found_is_joined() {
        let int = |name| Arc::new(Field::new(name, DataType::Int64, true));
        let float = |name| Arc::new(Field::new(name, DataType::Float64, true));
        let object = |fields: Vec<FieldRef>| Field::new("o", DataType::Struct(fields.into()), true);
        let left = object(vec![int("a"), int("b")]);
        let right = object(vec![float("b"), int("c")]);
        assert_eq!(merge(&left, &right), object(vec![int("a"), float("b"), int("c")]));
        assert_eq!(merge(&left, &Field::new("o", DataType::Utf8, true)), json_field("o", true));
        assert_eq!(
            merge(&json_field("o", true), &Field::new("o", DataType::Utf8, true)),
            json_field("o", true)
        );
    }
}
