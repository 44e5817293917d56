use arrow::datatypes::Schema;

use super::number::{boolean, float, int};
use super::table::{Table, unquote};
use super::{ColumnType, Dialect};
use crate::Section;

/// What a column's values so far allow.
#[derive(Debug, Clone, Copy)]
struct Evidence {
    seen: bool,
    boolean: bool,
    int: bool,
    float: bool,
}

impl Evidence {
    fn add(&mut self, value: &[u8]) {
        self.seen = true;
        self.boolean = self.boolean && boolean(value, true).is_ok();
        self.int = self.int && int(value, true).is_ok();
        self.float = self.float && float(value, true).is_ok();
    }

    fn column_type(self) -> ColumnType {
        match self {
            Self { seen: false, .. } => ColumnType::String,
            Self { boolean: true, .. } => ColumnType::Boolean,
            Self { int: true, .. } => ColumnType::Int,
            Self { float: true, .. } => ColumnType::Float,
            _ => ColumnType::String,
        }
    }
}

/// Infers the columns' types from up to `max_rows` whole records; every column is nullable.
///
/// A type is inferred only if it loses nothing: `boolean` for `true` and `false`, `int` for integers as they would be
/// written again (no `007`, no `+1`, 64 bits), `float` for JSON numbers whose digits a float holds exactly; anything
/// else is text, so are dates and columns without a value. Quoted fields count like unquoted ones. Malformed records
/// are passed over: the decoder reports them.
pub fn infer(section: Section<'_>, dialect: &Dialect, names: &[String], max_rows: usize) -> Schema {
    let data = &section.data[..section.data.len().min(Table::MAX_BYTES)];
    let table = Table::read(data, dialect, names.len());
    let mut scratch = Vec::new();
    let fields = names.iter().enumerate().map(|(index, name)| {
        let mut evidence = Evidence { seen: false, boolean: true, int: true, float: true };
        for (start, end) in table.fields(index).take(max_rows) {
            let field = &data[start..end];
            let value = match field.first() {
                Some(&first) if dialect.quote() == Some(first) => {
                    scratch.clear();
                    if unquote(field, first, &mut scratch).is_err() {
                        continue;
                    }
                    scratch.as_slice()
                }
                _ if dialect.is_null(field) => continue,
                _ => field,
            };
            if !value.is_empty() {
                evidence.add(value);
            }
        }
        evidence.column_type().field(name)
    });
    Schema::new(fields.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(data: &str, max_rows: usize) -> Vec<String> {
        let width = data.lines().next().map_or(0, |line| line.split(',').count());
        let names: Vec<_> = (0..width).map(|i| i.to_string()).collect();
        let section = Section { data: data.as_bytes(), offset: 0, line: 1, origin: "test" };
        let schema = infer(section, &Dialect::default(), &names, max_rows);
        schema.fields().iter().map(|field| field.data_type().to_string()).collect()
    }

    #[test]
    fn only_lossless_types_are_inferred() {
        assert_eq!(types("true,1,1.5,x\nfalse,-2,2,1\n", 10), ["Boolean", "Int64", "Float64", "Utf8"]);
        assert_eq!(types("00123,+1,True,2024-01-01\n", 10), ["Utf8"; 4]);
        assert_eq!(types("99999999999999999999,1e400,-0,NaN\n", 10), ["Utf8", "Utf8", "Float64", "Utf8"]);
        assert_eq!(types("9007199254740993\n0.5\n", 10), ["Utf8"]);
        assert_eq!(types("true,1\n1,true\n", 10), ["Utf8", "Utf8"]);
    }

    #[test]
    fn missing_values_are_no_evidence() {
        assert_eq!(types(",\"\",\n1,2,\n,,\"\"\n", 10), ["Int64", "Int64", "Utf8"]);
        assert_eq!(types("\"1\",\"a\"\n", 10), ["Int64", "Utf8"]);
    }

    #[test]
    fn only_the_first_rows_count() {
        assert_eq!(types("1\n2\nx\n", 2), ["Int64"]);
        assert_eq!(types("1\n2\nx\n", 3), ["Utf8"]);
        assert_eq!(types("1,2\nx\n1,2,3\n3,4\n", 9), ["Int64", "Int64"]);
    }
}
