use datafusion::sql::sqlparser::ast::{
    Distinct, Expr, GroupByExpr, Query, Select, SelectItem, SetExpr, Spanned, Statement, TableFactor, Visit,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Span;
use etl_sdk::FieldError;

use super::functions::{Calls, Functions};
use crate::text_place::offset;

/// The only table there is.
pub(super) const TABLE: &str = "batch";
/// Deepest nesting of expressions.
const DEPTH: usize = 50;

/// Parses a query and reports everything for which it cannot be one over single records.
pub(super) fn read(text: &str, functions: &Functions) -> Result<Statement, Vec<FieldError>> {
    let parsed = Parser::new(&GenericDialect {}).with_recursion_limit(DEPTH).try_with_sql(text);
    let statements = parsed.and_then(|mut parser| parser.parse_statements());
    let statements = statements.map_err(|error| vec![syntax(text, error)])?;
    let mut faults = Faults { text, errors: Vec::new() };
    match statements.as_slice() {
        [Statement::Query(query)] => check(query, functions, &mut faults),
        _ => faults.not_a_select("the query is not one SELECT"),
    }
    match statements.into_iter().next() {
        Some(statement) if faults.errors.is_empty() => Ok(statement),
        _ => Err(faults.errors),
    }
}

fn check(query: &Query, functions: &Functions, faults: &mut Faults<'_>) {
    let over = [
        (query.order_by.is_some(), "ORDER BY"),
        (query.limit_clause.is_some(), "LIMIT"),
        (query.fetch.is_some(), "FETCH"),
        (query.with.is_some(), "WITH"),
    ];
    over.into_iter().filter(|(is, _)| *is).for_each(|(_, clause)| faults.over_records(clause, Span::empty()));
    let strange = query.for_clause.is_some()
        || query.settings.is_some()
        || query.format_clause.is_some()
        || !query.locks.is_empty()
        || !query.pipe_operators.is_empty();
    match query.body.as_ref() {
        SetExpr::Select(select) if !strange => clauses(select, functions, faults),
        SetExpr::SetOperation { op, .. } => faults.over_records(&op.to_string(), Span::empty()),
        _ => faults.not_a_select("the query is not one SELECT"),
    }
}

fn clauses(select: &Select, functions: &Functions, faults: &mut Faults<'_>) {
    let grouped = !matches!(&select.group_by,
        GroupByExpr::Expressions(by, modifiers) if by.is_empty() && modifiers.is_empty());
    let over = [
        (select.distinct.as_ref().is_some_and(|distinct| *distinct != Distinct::All), "DISTINCT"),
        (grouped, "GROUP BY"),
        (select.having.is_some(), "HAVING"),
        (select.qualify.is_some(), "QUALIFY"),
        (select.top.is_some(), "TOP"),
        (!select.named_window.is_empty(), "WINDOW"),
        (!select.sort_by.is_empty(), "SORT BY"),
        (!select.cluster_by.is_empty(), "CLUSTER BY"),
        (!select.distribute_by.is_empty(), "DISTRIBUTE BY"),
        (!select.connect_by.is_empty(), "CONNECT BY"),
    ];
    over.into_iter().filter(|(is, _)| *is).for_each(|(_, clause)| faults.over_records(clause, Span::empty()));
    let strange = select.into.is_some()
        || select.prewhere.is_some()
        || select.value_table_mode.is_some()
        || !select.lateral_views.is_empty();
    if strange {
        faults.not_a_select("the query has more than SELECT, FROM and WHERE");
    }
    let alias = table(select, faults);
    for item in &select.projection {
        if let SelectItem::UnnamedExpr(expr) = item
            && !is_named(expr, alias)
        {
            let message = format!("the field `{expr}` has no name");
            faults.put("unnamed_field", message, Some("add a name: `... AS total`"), expr.span());
        }
    }
    let mut calls = Calls { functions, faults };
    let _ = select.projection.visit(&mut calls);
    let _ = select.selection.visit(&mut calls);
}

/// What the query calls the table; anything else that it reads from is a fault.
fn table<'q>(select: &'q Select, faults: &mut Faults<'_>) -> &'q str {
    let help = format!("write FROM {TABLE}");
    let [from] = select.from.as_slice() else {
        match select.from.is_empty() {
            true => faults.put(
                "unknown_table",
                "the query reads from no table".to_owned(),
                Some(&help),
                Span::empty(),
            ),
            false => faults.over_records("a join", Span::empty()),
        }
        return TABLE;
    };
    if !from.joins.is_empty() {
        faults.over_records("a join", Span::empty());
    }
    match &from.relation {
        TableFactor::Table { name, alias, args: None, sample: None, version: None, .. }
            if name.to_string() == TABLE =>
        {
            alias.as_ref().map_or(TABLE, |alias| alias.name.value.as_str())
        }
        other => {
            let message = format!("`{other}` is not the table `{TABLE}`, which holds the records");
            faults.put("unknown_table", message, Some(&help), other.span());
            TABLE
        }
    }
}

/// Whether a field of the result has the name of a field of the records.
fn is_named(expr: &Expr, table: &str) -> bool {
    match expr {
        Expr::Identifier(_) => true,
        Expr::CompoundIdentifier(parts) => matches!(parts.as_slice(), [first, _] if first.value == table),
        _ => false,
    }
}

/// What is wrong with a query.
pub(super) struct Faults<'t> {
    text: &'t str,
    errors: Vec<FieldError>,
}

impl Faults<'_> {
    pub fn put(&mut self, code: &'static str, message: String, help: Option<&str>, part: Span) {
        let mut error = FieldError::new(code, message).at("query");
        if let Some(offset) = place(self.text, part) {
            error = error.at_offset(offset);
        }
        self.errors.push(match help {
            Some(help) => error.with_help(help),
            None => error,
        });
    }

    /// The query has a part that looks at more than one record.
    pub fn over_records(&mut self, what: &str, part: Span) {
        let message =
            format!("{what} is about several records, and a step sees those of one batch at a time");
        let help = "where batches are cut differs from run to run and after a failure, so a record must not depend on \
                    its neighbours; `aggregate`, `join` and `window` of a coming version are for that";
        self.put("not_per_record", message, Some(help), part);
    }

    fn not_a_select(&mut self, message: &str) {
        let help = format!("write SELECT ... FROM {TABLE} WHERE ...");
        self.put("not_a_select", message.to_owned(), Some(&help), Span::empty());
    }
}

fn place(text: &str, span: Span) -> Option<usize> {
    let start = (usize::try_from(span.start.line).ok()?, usize::try_from(span.start.column).ok()?);
    (start.0 > 0).then(|| offset(text, start.0, start.1))
}

fn syntax(text: &str, error: ParserError) -> FieldError {
    let message = match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
        ParserError::RecursionLimitExceeded => format!("the query is nested deeper than {DEPTH} levels"),
    };
    let fault = FieldError::new("syntax", message.clone()).at("query");
    let (line, column) =
        match message.rsplit_once(" at Line: ").and_then(|(_, at)| at.split_once(", Column: ")) {
            Some((line, column)) => (line.parse(), column.parse()),
            None => return fault,
        };
    match (line, column) {
        (Ok(line), Ok(column)) => fault.at_offset(offset(text, line, column)),
        _ => fault,
    }
}
