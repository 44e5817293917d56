use arrow::array::new_empty_array;
use arrow::datatypes::{DataType, Field};
use etl_model::is_json;

use crate::types::{Kind, PgType, TYPE_METADATA};

use super::array::MOST_DIMENSIONS;
use super::catalog::{self, Builtin, by_oid};
use super::lists::item_of;
use super::matrix;
use super::misfit::Misfit;
use super::target::Target;
use super::type_name::{TypeName, numeric_kind};

/// The type that a column gets which is created for a field.
///
/// The metadata `postgres.type` decides where it names a built-in type that can be written and that takes values of
/// the field's type. Otherwise the Arrow type does: the narrowest type that holds all its values, `jsonb` for JSON,
/// structs and maps, arrays for lists (with a pair of brackets per dimension, `jsonb` beyond six), `text` for nothing
/// but nulls, `uuid` for the extension type `arrow.uuid`.
///
/// The digits of `money` are those of the decimals, or 2; the catalogue does not tell what the server's locale has.
///
/// # Errors
/// An Arrow type without a type in PostgreSQL, such as a union.
pub fn default_type(field: &Field) -> Result<PgType, Misfit> {
    let named = field.metadata().get(TYPE_METADATA).and_then(|name| TypeName::parse(name));
    if let Some(ty) = named.map(|name| name_for(name, field)).filter(|ty| takes(ty, field)) {
        return Ok(ty);
    }
    by_arrow_type(field).filter(|ty| takes(ty, field)).ok_or_else(|| Misfit {
        column: field.name().clone(),
        message: format!("column `{}` has the Arrow type {}", field.name(), field.data_type())
            + ", which has no type in PostgreSQL",
        help: "leave the column out, or convert it with a mapping".to_owned(),
    })
}

fn takes(ty: &PgType, field: &Field) -> bool {
    matrix::writer(field, &new_empty_array(field.data_type()), &Target::new(ty)).is_some()
}

/// The named type, with what a name does not tell: the dimensions of an array and the digits of `money`.
fn name_for(mut name: TypeName, field: &Field) -> PgType {
    let mut depth = 0;
    let mut data_type = field.data_type();
    while let Some(item) = item_of(data_type) {
        depth += 1;
        data_type = item.data_type();
    }
    if name.dimensions > 0 && (1..=MOST_DIMENSIONS).contains(&depth) {
        name.dimensions = depth;
    }
    let mut ty = name.pg_type();
    let money = match &mut ty.kind {
        Kind::Array { element, .. } => &mut element.kind,
        kind => kind,
    };
    if let (
        Kind::Money { scale },
        DataType::Decimal32(_, digits)
        | DataType::Decimal64(_, digits)
        | DataType::Decimal128(_, digits)
        | DataType::Decimal256(_, digits),
    ) = (money, data_type)
    {
        *scale = *digits;
    }
    ty
}

fn by_arrow_type(field: &Field) -> Option<PgType> {
    let builtin: &Builtin = match field.data_type() {
        DataType::Boolean => &catalog::BOOL,
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => &catalog::INT2,
        DataType::Int32 | DataType::UInt16 => &catalog::INT4,
        DataType::Int64 | DataType::UInt32 => &catalog::INT8,
        DataType::UInt64 => return Some(numeric(20, 0)),
        DataType::Float16 | DataType::Float32 => &catalog::FLOAT4,
        DataType::Float64 => &catalog::FLOAT8,
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => return Some(numeric(*precision, *scale)),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View if is_json(field) => &catalog::JSONB,
        DataType::Null | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => &catalog::TEXT,
        DataType::FixedSizeBinary(16) if field.extension_type_name() == Some("arrow.uuid") => &catalog::UUID,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            &catalog::BYTEA
        }
        DataType::Date32 | DataType::Date64 => &catalog::DATE,
        DataType::Time32(_) | DataType::Time64(_) => &catalog::TIME,
        DataType::Timestamp(_, None) => &catalog::TIMESTAMP,
        DataType::Timestamp(_, Some(_)) => &catalog::TIMESTAMPTZ,
        DataType::Duration(_) | DataType::Interval(_) => &catalog::INTERVAL,
        DataType::Struct(_) | DataType::Map(..) => &catalog::JSONB,
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::FixedSizeList(..)
        | DataType::ListView(_)
        | DataType::LargeListView(_) => return array_of(item_of(field.data_type())?),
        DataType::Dictionary(_, of) => {
            return by_arrow_type(&field.clone().with_data_type(of.as_ref().clone()));
        }
        DataType::RunEndEncoded(_, of) => {
            return by_arrow_type(&field.clone().with_data_type(of.data_type().clone()));
        }
        DataType::Union(..) => return None,
    };
    Some(builtin.plain())
}

/// A scale that only PostgreSQL 15 and later take is left out.
fn numeric(precision: u8, scale: i8) -> PgType {
    match numeric_kind(precision.into(), scale.into()) {
        kind @ Kind::Decimal { .. } => {
            PgType { kind, oid: catalog::NUMERIC.oid, name: format!("numeric({precision},{scale})") }
        }
        _ => catalog::NUMERIC.plain(),
    }
}

fn array_of(item: &Field) -> Option<PgType> {
    let inner = default_type(item).ok()?;
    let name = format!("{}[]", inner.name);
    Some(match inner.kind {
        Kind::Array { dimensions, .. } if dimensions >= MOST_DIMENSIONS => catalog::JSONB.plain(),
        Kind::Array { element, dimensions } => {
            PgType { kind: Kind::Array { element, dimensions: dimensions + 1 }, oid: inner.oid, name }
        }
        _ => {
            let oid = by_oid(inner.oid)?.array;
            PgType { kind: Kind::Array { element: Box::new(inner), dimensions: 1 }, oid, name }
        }
    })
}
