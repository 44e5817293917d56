use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use etl_formats::csv::{self, ColumnType};
use etl_model::{is_json, json_field};

use super::sample::{Sample, wider};
use super::settings::Settings;
use crate::error::FileError;
use crate::format::Format;

/// Bytes of the first file that types are inferred from.
const FIRST_SAMPLE: usize = 1 << 20;
/// Bytes of each further file.
const NEXT_SAMPLE: usize = 128 << 10;
/// Files that are looked at.
const MAX_FILES: usize = 32;

/// The columns of a text source: names and order of the first file, types wide enough for the samples of all.
///
/// Only the beginnings of the files are looked at, so a run that goes on after an interruption finds the same schema.
pub fn infer(files: &[String], format: Format, settings: &Settings) -> Result<SchemaRef, FileError> {
    let mut columns = Columns { format, known: Vec::new() };
    for (index, file) in files.iter().take(MAX_FILES).enumerate() {
        let path = Path::new(file);
        let bytes = if index == 0 { FIRST_SAMPLE } else { NEXT_SAMPLE };
        let sample = Sample::take(path, settings, format, bytes)?;
        if sample.schema.fields().is_empty() {
            continue;
        }
        if format == Format::Csv && !columns.known.is_empty() {
            let known: Vec<&str> = columns.known.iter().map(|(field, _)| field.name().as_str()).collect();
            let found: Vec<&str> = sample.schema.fields().iter().map(|field| field.name().as_str()).collect();
            order(path, &known, &found)?;
        }
        columns.add(&sample);
    }
    let schema = Schema::new(columns.known.into_iter().map(|(field, _)| field).collect::<Vec<_>>());
    declare(&schema, format, settings).map(Arc::new)
}

/// Columns known so far, and whether the type of each rests on values.
struct Columns {
    format: Format,
    known: Vec<(FieldRef, bool)>,
}

impl Columns {
    fn add(&mut self, sample: &Sample) {
        for (field, &evident) in sample.schema.fields().iter().zip(&sample.evident) {
            match self.known.iter_mut().find(|(known, _)| known.name() == field.name()) {
                None => self.known.push((Arc::clone(field), evident)),
                Some(_) if !evident => {}
                Some(known) if !known.1 => *known = (Arc::clone(field), true),
                Some(known) => known.0 = merged(&known.0, field, self.format),
            }
        }
    }
}

fn merged(left: &FieldRef, right: &FieldRef, format: Format) -> FieldRef {
    let name = left.name();
    if is_json(left) || is_json(right) {
        return Arc::new(json_field(name, true));
    }
    match (left.data_type(), right.data_type()) {
        (DataType::Struct(left), DataType::Struct(right)) => {
            let mut children: Vec<FieldRef> = left.iter().cloned().collect();
            for child in right {
                match children.iter_mut().find(|known| known.name() == child.name()) {
                    Some(known) => *known = merged(known, child, format),
                    None => children.push(Arc::clone(child)),
                }
            }
            Arc::new(Field::new(name, DataType::Struct(Fields::from(children)), true))
        }
        (DataType::List(left), DataType::List(right)) => {
            Arc::new(Field::new(name, DataType::List(merged(left, right, format)), true))
        }
        (left, right) => match wider(left, right) {
            Some(data_type) => Arc::new(Field::new(name, data_type, true)),
            None if format == Format::Csv => Arc::new(Field::new(name, DataType::Utf8, true)),
            None => Arc::new(json_field(name, true)),
        },
    }
}

/// Puts the declared types in place of the inferred ones. A JSON field that no sample has is a column all the same.
fn declare(schema: &Schema, format: Format, settings: &Settings) -> Result<Schema, FileError> {
    if format != Format::Csv {
        let mut fields: Vec<FieldRef> = schema.fields().iter().cloned().collect();
        for (name, of) in settings.declared() {
            let field = Arc::new(of.field(name));
            match fields.iter_mut().find(|known| known.name() == name) {
                Some(known) => *known = field,
                None => fields.push(field),
            }
        }
        return Ok(Schema::new(fields));
    }
    if schema.fields().is_empty() {
        let fields = settings.declared().map(|(name, of)| of.field(name));
        return Ok(Schema::new(fields.collect::<Vec<_>>()));
    }
    let declared: Vec<(&str, ColumnType)> = settings.declared().collect();
    csv::declare(schema, declared).map_err(|error| {
        FileError::user(
            "unknown_column",
            format!("{}: {error}", settings.path),
            "correct the name under `schema`, or remove it",
        )
    })
}

/// For each known column its place in a file, or nothing when the file has the same order.
pub fn order(path: &Path, known: &[&str], found: &[&str]) -> Result<Option<Vec<usize>>, FileError> {
    if known == found {
        return Ok(None);
    }
    let places: Option<Vec<usize>> =
        known.iter().map(|name| found.iter().position(|other| other == name)).collect();
    match places {
        Some(places) if known.len() == found.len() => Ok(Some(places)),
        _ => {
            let list =
                |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let without = |names: &[&str], others: &[&str]| {
                list(&names.iter().copied().filter(|name| !others.contains(name)).collect::<Vec<_>>())
            };
            let (missing, more) = (without(known, found), without(found, known));
            let fault = match (missing.is_empty(), more.is_empty()) {
                (false, true) => format!("it lacks {missing}"),
                (true, _) => format!("it also has {more}"),
                (false, false) => format!("it lacks {missing} and has {more}"),
            };
            Err(FileError::user(
                "columns_differ",
                format!("{}: its columns are not those of the first file: {fault}", path.display()),
                "read files with other columns as a source of their own",
            ))
        }
    }
}
