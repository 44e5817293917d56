use arrow::datatypes::{DataType, Schema};

use super::config::Mode;
use crate::PostgresError;
use crate::catalog::Table;
use crate::copy::encode::{Encoding, default_type};
use crate::types::{Column, Kind, PgType};

/// How batches of one schema look as tuples: the columns they are written to.
pub(super) struct Layout {
    /// In the order of the tuples' fields.
    pub(super) columns: Vec<Column>,
    /// Indexes of the key's columns.
    pub(super) key: Vec<usize>,
    pub(super) encoding: Encoding,
}

impl Layout {
    /// Fits a schema to a table, or names the columns that do not fit. Without a table, to the one that would be created.
    pub(super) fn new(
        schema: &Schema,
        table: Option<&Table>,
        mode: &Mode,
        place: &str,
    ) -> Result<Self, PostgresError> {
        if schema.fields().is_empty() {
            return Err(PostgresError::user(
                "no_columns",
                format!("{place}: the rows have no columns"),
                "keep at least one column in the mapping",
            ));
        }
        for (i, field) in schema.fields().iter().enumerate() {
            if schema.fields().iter().take(i).any(|other| other.name() == field.name()) {
                return Err(PostgresError::user(
                    "duplicate_column",
                    format!("{place}: the rows have two columns `{}`", field.name()),
                    "rename one of them with a mapping",
                ));
            }
        }
        let columns = match table {
            Some(table) => of_table(schema, table, place)?,
            None => of_schema(schema, place)?,
        };
        let key = match mode {
            Mode::Upsert(key) => key_indexes(&columns, key, place)?,
            Mode::Append | Mode::Replace => Vec::new(),
        };
        let targets: Vec<PgType> = columns.iter().map(|column| column.ty.clone()).collect();
        let encoding = Encoding::new(schema, &targets).map_err(|misfits| {
            let name =
                table.map_or_else(|| "the new table".to_owned(), |table| format!("table `{}`", table.name));
            let messages: Vec<_> = misfits.iter().map(|misfit| misfit.message.as_str()).collect();
            let help = misfits.first().map(|misfit| misfit.help.clone()).unwrap_or_default();
            PostgresError::user("column_type", format!("{place}: {name}: {}", messages.join("; ")), help)
        })?;
        Ok(Self { columns, key, encoding })
    }

    /// The names of the columns.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// Whether a table still has these columns with these types.
    pub(super) fn fits(&self, table: &Table) -> bool {
        self.columns.iter().all(|column| {
            table.column(&column.name).is_some_and(|found| {
                found.column.ty.oid == column.ty.oid
                    && bare(&found.column.ty.name) == bare(&column.ty.name)
                    && !found.generated
            })
        })
    }
}

fn of_schema(schema: &Schema, place: &str) -> Result<Vec<Column>, PostgresError> {
    let mut columns = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let ty = default_type(field).map_err(|misfit| {
            PostgresError::user("column_type", format!("{place}: {}", misfit.message), misfit.help)
        })?;
        columns.push(Column { name: field.name().clone(), ty, nullable: field.is_nullable() });
    }
    Ok(columns)
}

fn of_table(schema: &Schema, table: &Table, place: &str) -> Result<Vec<Column>, PostgresError> {
    let mut columns = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let name = field.name();
        let Some(found) = table.column(name) else {
            return Err(PostgresError::user(
                "column_missing",
                format!(
                    "{place}: table `{}` has no column `{name}`; it has {}",
                    table.name,
                    table.column_names()
                ),
                "add the column to the table, or leave it out or rename it with a mapping",
            ));
        };
        if found.generated {
            return Err(PostgresError::user(
                "column_generated",
                format!(
                    "{place}: column `{name}` of table `{}` is generated and cannot be written",
                    table.name
                ),
                "leave it out with a mapping",
            ));
        }
        if found.foreign {
            return Err(PostgresError::user(
                "column_type",
                format!(
                    "{place}: column `{name}` of table `{}` is {}, which cannot be written yet",
                    table.name, found.column.ty.name
                ),
                "leave it out with a mapping, or write it to a column of type text",
            ));
        }
        let mut column = found.column.clone();
        if let (Kind::Array { dimensions, .. }, Some(depth)) = (&mut column.ty.kind, depth(field.data_type()))
        {
            // The server keeps arrays of any depth in any column of arrays; what is declared is a remark.
            *dimensions = depth;
        }
        columns.push(column);
    }
    let present = |name: &str| schema.fields().iter().any(|field| field.name() == name);
    if let Some(absent) = table.columns.iter().find(|column| column.required && !present(&column.column.name))
    {
        return Err(PostgresError::user(
            "column_required",
            format!(
                "{place}: column `{}` of table `{}` must not be null, has no default, and the rows do not have it",
                absent.column.name, table.name
            ),
            "add it to the rows with a mapping, or give the column a default",
        ));
    }
    Ok(columns)
}

/// The name of a type without brackets, of which the catalogue shows one pair however many were declared.
fn bare(name: &str) -> &str {
    name.trim_end_matches("[]")
}

/// How deep a type of lists is nested, as far as arrays can be.
fn depth(data_type: &DataType) -> Option<u8> {
    let mut depth = 0;
    let mut inner = data_type;
    while let DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) = inner {
        depth += 1;
        inner = item.data_type();
    }
    (1..=6).contains(&depth).then_some(depth)
}

fn key_indexes(columns: &[Column], key: &[String], place: &str) -> Result<Vec<usize>, PostgresError> {
    let mut indexes = Vec::with_capacity(key.len());
    for name in key {
        let found = columns.iter().position(|column| column.name == *name);
        indexes.push(found.ok_or_else(|| {
            PostgresError::user(
                "key_missing",
                format!("{place}: the rows have no column `{name}` for the key"),
                "name a column of the rows under `key`, or add it with a mapping",
            )
        })?);
    }
    Ok(indexes)
}
