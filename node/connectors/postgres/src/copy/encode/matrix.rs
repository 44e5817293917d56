use arrow::array::{Array, ArrayAccessor, AsArray, RunArray};
use arrow::datatypes::{DataType, Field, Int16Type, Int32Type, Int64Type, RunEndIndexType};
use etl_model::is_json;

use crate::types::Kind;

use super::cell_writer::{Indirect, NULL, Nulls, Runs, Writer, mapped, put, put_bytes};
use super::json_document::Document;
use super::target::Target;
use super::{array, decimals, floats, integers, moments, spans, texts};

/// The writer for a column, if values of its type can go to such a column of the table.
pub(super) fn writer<'a>(field: &Field, values: &'a dyn Array, target: &'a Target) -> Option<Writer<'a>> {
    match values.data_type() {
        DataType::Null => Some(Box::new(Nulls(&NULL))),
        DataType::Dictionary(..) | DataType::RunEndEncoded(..) => {
            unwrapped(field, values, &NULL, |field, values| writer(field, values, target))
        }
        DataType::Boolean if target.kind == Kind::Bool => {
            Some(mapped(values, values.as_boolean(), |value, out| {
                put(out, [u8::from(value)]);
                Ok(())
            }))
        }
        data_type if data_type.is_integer() => integers::writer(values, target),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => floats::writer(values, target),
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => decimals::writer(values, target),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            texts::writer(values, is_json(field), target)
        }
        DataType::Binary => bytes(values, values.as_binary::<i32>(), target),
        DataType::LargeBinary => bytes(values, values.as_binary::<i64>(), target),
        DataType::BinaryView => bytes(values, values.as_binary_view(), target),
        DataType::FixedSizeBinary(16) if target.kind == Kind::Uuid => {
            Some(mapped(values, values.as_fixed_size_binary(), |value, out| put_bytes(out, value)))
        }
        DataType::FixedSizeBinary(_) => bytes(values, values.as_fixed_size_binary(), target),
        DataType::Date32
        | DataType::Date64
        | DataType::Time32(_)
        | DataType::Time64(_)
        | DataType::Timestamp(..) => moments::writer(values, target),
        DataType::Duration(_) | DataType::Interval(_) => spans::writer(values, target),
        DataType::Struct(_) | DataType::Map(..) => Document::writer(field, values, target),
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::FixedSizeList(..)
        | DataType::ListView(_)
        | DataType::LargeListView(_) => match target.kind {
            Kind::Array { .. } => array::writer(values, target),
            _ => Document::writer(field, values, target),
        },
        _ => None,
    }
}

/// The writer for a dictionary or for runs, made of what `inner` makes of the plain values.
pub(super) fn unwrapped<'a>(
    field: &Field,
    values: &'a dyn Array,
    null: &'static [u8],
    inner: impl FnOnce(&Field, &'a dyn Array) -> Option<Writer<'a>>,
) -> Option<Writer<'a>> {
    match values.data_type() {
        DataType::Dictionary(_, of) => {
            let dictionary = values.as_any_dictionary();
            let distinct = dictionary.values().as_ref();
            let writer = inner(&field.clone().with_data_type(of.as_ref().clone()), distinct)?;
            // There are no keys to a dictionary without values: all rows are null.
            let keys = if distinct.is_empty() { Vec::new() } else { dictionary.normalized_keys() };
            Some(Box::new(Indirect { keys, nulls: values.nulls(), null, values: writer }))
        }
        DataType::RunEndEncoded(ends, of) => {
            let field = field.clone().with_data_type(of.data_type().clone());
            match ends.data_type() {
                DataType::Int16 => runs::<Int16Type>(values, &field, inner),
                DataType::Int32 => runs::<Int32Type>(values, &field, inner),
                _ => runs::<Int64Type>(values, &field, inner),
            }
        }
        _ => None,
    }
}

fn runs<'a, R: RunEndIndexType>(
    values: &'a dyn Array,
    field: &Field,
    inner: impl FnOnce(&Field, &'a dyn Array) -> Option<Writer<'a>>,
) -> Option<Writer<'a>> {
    let runs: &RunArray<R> = values.as_run_opt()?;
    Some(Box::new(Runs { runs, values: inner(field, runs.values().as_ref())? }))
}

fn bytes<'a, A>(array: &'a dyn Array, values: A, target: &'a Target) -> Option<Writer<'a>>
where
    A: ArrayAccessor<Item = &'a [u8]> + 'a,
{
    (target.kind == Kind::Bytea).then(|| mapped(array, values, |value, out| put_bytes(out, value)))
}
