use arrow::datatypes::{DataType, Field};
use etl_model::is_json;

use crate::types::Kind;

use super::lists::item_of;
use super::misfit::Misfit;
use super::target::Target;

/// What to tell about a column whose target does not take its values.
pub(super) fn misfit(field: &Field, target: &Target) -> Misfit {
    let name = field.name();
    Misfit {
        column: name.clone(),
        message: format!(
            "column `{name}` is {} in the table, the rows have {}",
            target.name,
            describe(field, field.data_type())
        ),
        help: help(field, target),
    }
}

/// A type in words.
fn describe(field: &Field, data_type: &DataType) -> String {
    let plain = match data_type {
        DataType::Null => "nothing but nulls",
        DataType::Boolean => "booleans",
        data_type if data_type.is_integer() => return format!("whole numbers ({data_type})"),
        data_type if data_type.is_floating() => return format!("floating-point numbers ({data_type})"),
        data_type if data_type.is_decimal() => return format!("decimals ({data_type})"),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View if is_json(field) => "JSON documents",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "bytes",
        DataType::FixedSizeBinary(size) => return format!("{size} bytes each"),
        DataType::Date32 | DataType::Date64 => "dates",
        DataType::Time32(_) | DataType::Time64(_) => "times of day",
        DataType::Timestamp(_, None) => "timestamps without time zone",
        DataType::Timestamp(_, Some(_)) => "timestamps with time zone",
        DataType::Duration(_) => "durations",
        DataType::Interval(_) => "intervals",
        DataType::Struct(_) => "structs",
        DataType::Map(..) => "maps",
        DataType::Dictionary(_, of) => return describe(field, of),
        DataType::RunEndEncoded(_, of) => return describe(field, of.data_type()),
        data_type => match item_of(data_type) {
            Some(item) => return format!("lists of {}", describe(item, item.data_type())),
            None => return data_type.to_string(),
        },
    };
    plain.to_owned()
}

fn help(field: &Field, target: &Target) -> String {
    let mut data_type = field.data_type();
    while let DataType::Dictionary(_, of) = data_type {
        data_type = of;
    }
    if let DataType::RunEndEncoded(_, of) = data_type {
        data_type = of.data_type();
    }
    let change = |to: &str| format!("make the table's column {to}");
    let text = matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    let number = data_type.is_numeric();
    let function = match (&target.kind, data_type) {
        (Kind::Text, _) if !target.is_text() => {
            return format!("values of type {} cannot be written; {}", target.name, change("`text`"));
        }
        (Kind::Timestamp, DataType::Timestamp(_, Some(_))) => return change("`timestamp with time zone`"),
        (Kind::TimestampTz, DataType::Timestamp(_, None)) => {
            return convert(field, "timestamp", ", which takes them as UTC");
        }
        (Kind::Array { element, .. }, data_type) if item_of(data_type).is_some() => {
            return change(&format!("`jsonb`, or the elements {} in lists of the same depth", element.name));
        }
        (_, data_type) if item_of(data_type).is_some() => return change("an array or `jsonb`"),
        (_, DataType::Struct(_) | DataType::Map(..)) => return change("`jsonb`"),
        (Kind::Int2 | Kind::Int4 | Kind::Int8 | Kind::Oid, _) if text => "int",
        (Kind::Float4 | Kind::Float8, _) if text => "double",
        (Kind::Bool, _) if text => "bool",
        (Kind::Bytea, _) if text => "bytes",
        (Kind::Text, _) if number || data_type == &DataType::Boolean => "string",
        (Kind::Text, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 | DataType::Binary) => {
            "string"
        }
        _ => return "change the type of the table's column, or convert the column with a mapping".to_owned(),
    };
    convert(field, function, "")
}

/// Names the mapping; columns whose names are no identifiers are reached through `record`.
fn convert(field: &Field, function: &str, note: &str) -> String {
    let name = field.name();
    let identifier = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let path = if identifier { name.clone() } else { format!("record[{name:?}]") };
    format!("convert it with the mapping `{function}({path})`{note}")
}
