use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};

use super::config::{ArraysAs, Config, NumericAs, Relation};
use crate::PostgresError;
use crate::catalog::{Declared, Resolved, Table, resolve};
use crate::connection::Session;
use crate::error::At;
use crate::types::{Column, Kind, PgType};

/// A column that rows are ordered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyColumn {
    /// Its name and declared type.
    pub(super) column: Column,
    /// Where it is among the selected columns.
    pub(super) at: usize,
}

/// The order in which a partition's rows are read, from which their ordinals follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Order {
    /// By one column of integers, which are the ordinals, too: they stay the same in every snapshot.
    Integer(KeyColumn),
    /// By key; ordinals are counted.
    Key(Vec<KeyColumn>),
    /// By place in the table's file, which is the ordinal, too; with the place of `ctid` among the selected columns.
    Physical { at: usize },
    /// By place in the table's file, block by block. Ordinals begin anew with every block and are counted from there.
    Blocks,
    /// As they come; ordinals are counted.
    Unordered,
}

/// A column as it is selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selected {
    pub(super) column: Column,
    /// Read through `::text`.
    pub(super) as_text: bool,
}

/// What is read, in which order.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// For messages.
    pub(super) place: String,
    pub(super) relation: Relation,
    pub(super) condition: Option<String>,
    /// The table, if it is one.
    pub(super) table: Option<Table>,
    /// The user's columns, then what the order needs beside them.
    pub(super) selected: Vec<Selected>,
    /// The columns of `selected`, as the decoder wants them.
    pub(super) columns: Vec<Column>,
    /// The user's columns.
    pub(super) schema: SchemaRef,
    pub(super) order: Order,
    /// What a user should know.
    pub(super) notes: Vec<String>,
}

impl Plan {
    /// Looks the relation up and decides how it is read.
    pub(super) async fn new(config: &Config, session: &Session) -> Result<Self, PostgresError> {
        let place = config.place();
        let (table, mut available) = match &config.relation {
            Relation::Table(name) => {
                let table = Table::describe(session, name).await?.ok_or_else(|| {
                    PostgresError::user(
                        "table_missing",
                        format!("{place}: there is no such table, or this role may not see it"),
                        "correct `table` (with its schema where needed), or set `search_path`",
                    )
                })?;
                let columns = table.columns.iter().map(|c| (c.column.clone(), c.foreign)).collect();
                (Some(table), columns)
            }
            Relation::Query(query) => (None, query_columns(session, query).await?),
        };
        let mut notes = Vec::new();
        for (column, foreign) in &mut available {
            adapt(column, foreign, config, &mut notes);
        }
        let mut selected = Vec::new();
        for name in config.columns.iter().flatten() {
            selected.push(find(&available, name, &place)?);
        }
        if config.columns.is_none() {
            selected = available.iter().map(|(c, foreign)| select(c, *foreign)).collect();
        }
        if selected.is_empty() {
            return Err(PostgresError::user(
                "no_columns",
                format!("{place}: there are no columns"),
                "name a table or query with at least one",
            ));
        }
        let schema = Arc::new(Schema::new(selected.iter().map(|s| s.column.field()).collect::<Vec<_>>()));
        let order = order(config, table.as_ref(), &available, &mut selected, &place)?;
        notes.push(match &order {
            Order::Integer(_) | Order::Key(_) => {
                "all partitions of a run see one snapshot of the database; a run that is continued after an \
                 interruption goes on behind the last key it delivered, in a new snapshot: rows changed in between \
                 come as they were at one of the two times, each key once"
            }
            Order::Physical { .. } | Order::Blocks => {
                "without a key, rows are read by their place in the table's file; an interrupted run is continued \
                 only if no row was inserted or updated meanwhile"
            }
            Order::Unordered => "without `key`, an interrupted run cannot be continued",
        }
        .to_owned());
        let columns = selected.iter().map(|selected| selected.column.clone()).collect();
        let (relation, condition) = (config.relation.clone(), config.condition.clone());
        Ok(Self { place, relation, condition, table, selected, columns, schema, order, notes })
    }

    /// Whether its rows can be read block by block. Rows of a table without values stored apart are no larger than a
    /// page, so a block is never too much at once; and a server older than 14 would read the whole table for each.
    pub(super) fn may_be_read_in_blocks(&self) -> bool {
        matches!(self.order, Order::Physical { .. })
            && self.condition.is_none()
            && self.table.as_ref().is_some_and(|table| !table.stores_apart && table.server >= 140_000)
    }

    /// The same relation, to be read block by block: no row says where it lies.
    pub(super) fn in_blocks(&self) -> Self {
        let mut plan = Self { order: Order::Blocks, ..self.clone() };
        plan.selected.truncate(self.width());
        plan.columns.truncate(self.width());
        plan
    }

    /// How many of the selected columns are the user's.
    pub(super) fn width(&self) -> usize {
        self.schema.fields().len()
    }

    /// Whether the server makes sure that no two rows have the same key.
    pub(super) fn key_is_unique(&self) -> bool {
        let names: Vec<_> = self.key().iter().map(|key| key.column.name.as_str()).collect();
        // An index covers all partitions of a table, but not the tables that inherit from it.
        self.table.as_ref().is_some_and(|table| {
            (table.kind == 'p' || !table.has_children)
                && table.keys.iter().any(|key| key.iter().all(|column| names.contains(&column.as_str())))
        })
    }

    /// The columns of the key, where there is one.
    pub(super) fn key(&self) -> &[KeyColumn] {
        match &self.order {
            Order::Integer(column) => std::slice::from_ref(column),
            Order::Key(columns) => columns,
            Order::Physical { .. } | Order::Blocks | Order::Unordered => &[],
        }
    }
}

async fn query_columns(session: &Session, query: &str) -> Result<Vec<(Column, bool)>, PostgresError> {
    let statement =
        session.client().prepare(&format!("SELECT * FROM ({query}\n) AS q")).await.at(session.place())?;
    let declared: Vec<Declared> = statement
        .columns()
        .iter()
        .map(|column| Declared { oid: column.type_().oid(), modifier: column.type_modifier(), dimensions: 0 })
        .collect();
    let types = resolve(session, &declared).await?;
    let named = statement.columns().iter().zip(types);
    let mut columns: Vec<(Column, bool)> = Vec::with_capacity(declared.len());
    for (column, Resolved { ty, foreign }) in named {
        let name = column.name().to_owned();
        if columns.iter().any(|(other, _)| other.name == name) {
            return Err(PostgresError::user(
                "duplicate_column",
                format!("{}: the query has two columns named `{name}`", session.place()),
                "give one of them another name with AS",
            ));
        }
        columns.push((Column { name, ty, nullable: true }, foreign));
    }
    Ok(columns)
}

/// Applies `numeric` and `arrays` to a column, and notes what is read as text.
fn adapt(column: &mut Column, foreign: &mut bool, config: &Config, notes: &mut Vec<String>) {
    if config.numeric == NumericAs::Text && matches!(column.ty.kind, Kind::Decimal { .. }) {
        column.ty.kind = Kind::Numeric;
    }
    let is_array = matches!(column.ty.kind, Kind::Array { .. });
    if is_array && config.arrays == ArraysAs::Text {
        column.ty.kind = Kind::Text;
        *foreign = true;
    } else if let Kind::Array { element, .. } = &mut column.ty.kind
        && config.numeric == NumericAs::Text
        && matches!(element.kind, Kind::Decimal { .. })
    {
        element.kind = Kind::Numeric;
    }
    if *foreign && !is_array {
        notes.push(format!("column `{}` of type {} is read as text", column.name, column.ty.name));
    }
}

fn select(column: &Column, foreign: bool) -> Selected {
    Selected { column: column.clone(), as_text: foreign }
}

fn find(available: &[(Column, bool)], name: &str, place: &str) -> Result<Selected, PostgresError> {
    let found = available.iter().find(|(column, _)| column.name == name);
    found.map(|(column, foreign)| select(column, *foreign)).ok_or_else(|| {
        let names: Vec<_> = available.iter().take(50).map(|(column, _)| column.name.as_str()).collect();
        PostgresError::user(
            "column_missing",
            format!("{place}: there is no column `{name}`; there are {}", names.join(", ")),
            "correct `columns` or `key`",
        )
    })
}

/// Decides the order, and adds the columns that it needs to the selected ones.
fn order(
    config: &Config,
    table: Option<&Table>,
    available: &[(Column, bool)],
    selected: &mut Vec<Selected>,
    place: &str,
) -> Result<Order, PostgresError> {
    let own = table.and_then(|table| table.keys.first()).cloned().unwrap_or_default();
    let names = if config.key.is_empty() { own } else { config.key.clone() };
    let mut key = Vec::with_capacity(names.len());
    for name in &names {
        let Selected { column, as_text } = find(available, name, place)?;
        let at = selected.iter().position(|selected| selected.column.name == *name).unwrap_or_else(|| {
            selected.push(Selected { column: column.clone(), as_text });
            selected.len() - 1
        });
        key.push(KeyColumn { column, at });
    }
    if !key.is_empty() {
        let integer =
            |key: &KeyColumn| matches!(key.column.ty.kind, Kind::Int2 | Kind::Int4 | Kind::Int8 | Kind::Oid);
        return Ok(match key.pop() {
            Some(only) if key.is_empty() && integer(&only) => Order::Integer(only),
            last => {
                key.extend(last);
                Order::Key(key)
            }
        });
    }
    let Some(table) = table else { return Ok(Order::Unordered) };
    if !matches!(table.kind, 'r' | 'm') || table.has_children {
        let kind = if table.kind == 'r' { "table that others inherit from" } else { table.kind_name() };
        return Err(PostgresError::user(
            "missing_key",
            format!("{place}: a {kind} has no key of its own that rows could be read by"),
            "name the columns that identify a row under `key`, or read it with `query`, at least once",
        ));
    }
    let ctid = Column {
        name: "ctid".to_owned(),
        ty: PgType { kind: Kind::Tid, oid: 27, name: "tid".to_owned() },
        nullable: false,
    };
    selected.push(Selected { column: ctid, as_text: false });
    Ok(Order::Physical { at: selected.len() - 1 })
}
