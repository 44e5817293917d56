use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema};
use chrono::{DateTime, Utc};
use etl_expr::{Compiled, ExprError, Expression, record_json};
use etl_sdk::FieldError;
use serde_json::Value;
use std::sync::Arc;

use super::parse::{Piece, parse};
use super::place::{Kind, Place};
use crate::filter::first;
use crate::record_errors::RecordErrors;

/// A text with expressions.
#[derive(Debug)]
pub(crate) struct Template {
    pieces: Vec<Piece>,
    expressions: Vec<Expression>,
    kind: Kind,
}

/// The values of a template's expressions for the rows of a batch.
pub(crate) struct Rendering<'a> {
    template: &'a Template,
    values: RecordBatch,
}

impl Template {
    /// Reads a template. One of JSON must be JSON whatever its values are.
    pub fn parse(text: &str, kind: Kind) -> Result<Self, Vec<FieldError>> {
        let (pieces, expressions) = parse(text, kind)?;
        let template = Self { pieces, expressions, kind };
        if kind == Kind::Json
            && let Err(error) = serde_json::from_str::<Value>(&template.sample())
        {
            let fault = FieldError::new("template", format!("the template does not make JSON: {error}"));
            return Err(vec![fault.with_help(
                "write texts between quotes, `\"{{ name }}\"`, and other values without, `{{ amount }}`",
            )]);
        }
        Ok(template)
    }

    /// Whether it is the same for all records.
    pub fn is_constant(&self) -> bool {
        self.expressions.is_empty()
    }

    fn sample(&self) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Value(_, Place::JsonValue) => "null".to_owned(),
            Piece::Value(..) => "x".to_owned(),
        };
        self.pieces.iter().map(piece).collect()
    }

    /// Its expressions, typed against a schema.
    pub fn compile(&self, schema: &Schema) -> Result<Vec<Compiled>, ExprError> {
        self.expressions.iter().map(|expression| expression.compile(schema).map_err(first)).collect()
    }

    /// Evaluates its expressions for a batch. Rows without a value are reported under `field`.
    pub fn evaluate<'a>(
        &'a self,
        compiled: &[Compiled],
        records: &RecordBatch,
        now: DateTime<Utc>,
        field: &str,
        errors: &mut RecordErrors,
    ) -> Result<Rendering<'a>, arrow::error::ArrowError> {
        let (mut fields, mut columns): (Vec<Field>, Vec<ArrayRef>) = (Vec::new(), Vec::new());
        for (number, compiled) in compiled.iter().enumerate() {
            let evaluated = compiled.evaluate_at(records, now);
            errors.add(evaluated.errors, Some(field));
            fields.push(compiled.field(&number.to_string()));
            columns.push(evaluated.values);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(records.num_rows()));
        let values = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?;
        Ok(Rendering { template: self, values })
    }
}

impl Rendering<'_> {
    /// The text for a row that has all values, or why a value cannot stand where it should.
    pub fn row(&self, row: usize) -> Result<String, String> {
        let Template { pieces, expressions, kind } = self.template;
        let values = record_json(&self.values, row);
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Value(number, place) => {
                    let value = values.get(number.to_string()).unwrap_or(&Value::Null);
                    place.write(value, &mut text).map_err(|why| {
                        let expression = expressions.get(*number).map_or("", Expression::text);
                        format!("`{{{{ {expression} }}}}` cannot be put in: {why}")
                    })?;
                }
            }
        }
        if *kind == Kind::Url && leaves_its_path(&text) {
            return Err("a part of the path is `.` or `..`, which would ask for another place".to_owned());
        }
        Ok(text)
    }
}

/// Whether a URL has a segment that stands for another (RFC 3986, section 5.2.4).
fn leaves_its_path(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once("://").map_or(path, |(_, path)| path);
    path.split('/').skip(1).any(|segment| matches!(segment, "." | ".."))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use arrow::array::{Int64Array, StringArray};
    use arrow::datatypes::DataType;

    use super::*;

    fn records() -> RecordBatch {
        let fields = vec![Field::new("name", DataType::Utf8, true), Field::new("n", DataType::Int64, true)];
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec![Some("O\"Neil & Co"), Some(".."), None])),
            Arc::new(Int64Array::from(vec![Some(7), None, Some(9)])),
        ];
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
    }

    fn rendered(text: &str, kind: Kind, row: usize) -> Result<String, String> {
        let (template, records) = (Template::parse(text, kind).unwrap(), records());
        let compiled = template.compile(&records.schema()).unwrap();
        let mut errors = RecordErrors::default();
        let rendering = template.evaluate(&compiled, &records, Utc::now(), "url", &mut errors).unwrap();
        rendering.row(row)
    }

    #[test]
    fn a_template_of_json_stays_json() {
        let template = r#"{"who": "Dr. {{name}}", "n": {{ n }}, "both": {{ {'a': name} }}, "s": "\"{{n}}"}"#;
        let made: Value = serde_json::from_str(&rendered(template, Kind::Json, 0).unwrap()).unwrap();
        let expected = serde_json::json!({
            "who": "Dr. O\"Neil & Co", "n": 7, "both": {"a": "O\"Neil & Co"}, "s": "\"7"
        });
        assert_eq!(made, expected);
        let made: Value = serde_json::from_str(&rendered(r#"{"n": {{n}}}"#, Kind::Json, 1).unwrap()).unwrap();
        assert_eq!(made, serde_json::json!({"n": null}));
        assert!(rendered(r#"{"n": "{{n}}"}"#, Kind::Json, 1).unwrap_err().contains("it is null"));
        for wrong in [r#"{"n": {{n}}"#, r#"{"n": x{{n}}}"#, "{{n}}{{n}}"] {
            assert_eq!(Template::parse(wrong, Kind::Json).unwrap_err()[0].code, "template", "{wrong}");
        }
    }

    #[test]
    fn a_url_asks_for_the_place_it_names() {
        let url = "https://example.com/u/{{name}}/x?n={{n}}";
        assert_eq!(rendered(url, Kind::Url, 0).unwrap(), "https://example.com/u/O%22Neil%20%26%20Co/x?n=7");
        assert!(rendered(url, Kind::Url, 1).is_err(), "the name is `..`");
        assert!(rendered("https://a.example/x?{{name}}", Kind::Url, 1).is_ok());
        assert!(rendered("https://{{name}}.example/", Kind::Url, 0).unwrap_err().contains("host name"));
        assert_eq!(rendered("https://t{{n}}.example/", Kind::Url, 0).unwrap(), "https://t7.example/");
    }

    #[test]
    fn faults_tell_where_they_are() {
        let faults = Template::parse("a {{ n + }} b {{ }} c {{", Kind::Text).unwrap_err();
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert!(faults[0].offset.unwrap() >= 5 && faults[2].offset == Some(22), "{faults:?}");
    }
}
