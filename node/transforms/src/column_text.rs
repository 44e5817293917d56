use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use chrono::{Days, NaiveDate};
use etl_expr::{ExprError, Expression, RowError};
use etl_model::is_json;

use crate::cells::{Cell, Cells, decimal_text};
use crate::json_document::JsonKind;

/// The texts of a column's values; null where the value is null or in `errors`.
pub(crate) struct ColumnText {
    pub values: StringArray,
    pub errors: Vec<RowError>,
}

/// CEL's own texts, so that a conversion here and one in an expression are the same.
static TEXT: LazyLock<Option<Expression>> =
    LazyLock::new(|| Expression::parse("value == null ? null : string(value)").ok());

impl ColumnText {
    /// The texts of a column, as `string()` of an expression has them; of decimals and dates as well, and of JSON the text
    /// of a text and the document of anything else. `None` for a type that has none: records, lists, maps, times of day.
    pub fn of(column: &ArrayRef, field: &Field) -> Result<Option<Self>, ArrowError> {
        match field.data_type() {
            DataType::Utf8 if !is_json(field) => {
                return Ok(Some(Self { values: StringArray::from(column.to_data()), errors: Vec::new() }));
            }
            DataType::Dictionary(_, values) => {
                let plain = arrow::compute::cast(column, values)?;
                return Self::of(&plain, &field.clone().with_data_type(values.as_ref().clone()));
            }
            DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..)
            | DataType::Date32
            | DataType::Date64 => {}
            _ if is_json(field) => {}
            _ => return Ok(Self::by_expression(column, field)),
        }
        let cells = Cells::new(column, field)?;
        let mut errors = Vec::new();
        let mut text = |row| match text(cells.get(row)) {
            Ok(text) => text,
            Err((code, message)) => {
                errors.push(RowError { row, code, message });
                None
            }
        };
        Ok(Some(Self { values: (0..column.len()).map(&mut text).collect(), errors }))
    }

    fn by_expression(column: &ArrayRef, field: &Field) -> Option<Self> {
        let field = field.clone().with_name("value").with_nullable(true);
        let schema = Arc::new(Schema::new(vec![field]));
        let compiled: Result<_, Vec<ExprError>> = TEXT.as_ref()?.compile(&schema);
        let evaluated = compiled.ok()?.evaluate(&RecordBatch::try_new(schema, vec![column.clone()]).ok()?);
        let values = match evaluated.values.data_type() {
            DataType::Utf8 => StringArray::from(evaluated.values.to_data()),
            DataType::Null => StringArray::new_null(column.len()),
            _ => return None,
        };
        Some(Self { values, errors: evaluated.errors })
    }
}

fn text(cell: Cell<'_>) -> Result<Option<String>, (&'static str, String)> {
    match cell {
        Cell::Decimal(value, scale) => Ok(Some(decimal_text(value, scale))),
        Cell::Date(days) => match date(days) {
            Some(date) => Ok(Some(date.format("%Y-%m-%d").to_string())),
            None => Err(("overflow", "the date is out of range".to_owned())),
        },
        Cell::Json(document) => json_text(document),
        _ => Ok(None),
    }
}

/// The text of a JSON text, and anything else as it is written.
pub(crate) fn json_text(document: &str) -> Result<Option<String>, (&'static str, String)> {
    match JsonKind::of(document) {
        Some(JsonKind::Null) => Ok(None),
        Some(JsonKind::Text) => serde_json::from_str(document)
            .map(Some)
            .map_err(|error| ("invalid_json", format!("the value is not JSON: {error}"))),
        Some(_) => Ok(Some(document.trim().to_owned())),
        None => Err(("invalid_json", "the value is not JSON".to_owned())),
    }
}

/// The day so many days after 1970 began.
pub(crate) fn date(days: i32) -> Option<NaiveDate> {
    let apart = Days::new(u64::from(days.unsigned_abs()));
    if days < 0 {
        NaiveDate::default().checked_sub_days(apart)
    } else {
        NaiveDate::default().checked_add_days(apart)
    }
}
