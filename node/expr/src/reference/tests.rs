//! The page is fresh, and every example on it yields what it says: as constants, and as columns of a batch.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema, TimeUnit};

use super::*;
use crate::kind::Kind;
use crate::syntax::{ItemSyntax, LoopSyntax, Syntax, SyntaxNode};
use crate::value::Value;
use crate::{Expression, compile, json, output, record_json, vector};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cel.md");

fn examples() -> impl Iterator<Item = &'static Example> {
    let functions = LIBRARIES.iter().flat_map(|(_, entries)| entries.iter().map(|entry| &entry.example));
    MACROS.iter().map(|entry| &entry.example).chain(functions)
}

/// The first row's value as JSON, or `!` and its code.
fn outcome(syntax: &Syntax, batch: &RecordBatch) -> String {
    let compiled = match compile::compile(syntax, &batch.schema()) {
        Ok(compiled) => compiled,
        Err(errors) => return format!("!!{}: {}", errors[0].code, errors[0].message),
    };
    let evaluated = compiled.evaluate(batch);
    if let Some(error) = evaluated.errors.first() {
        return format!("!{}", error.code);
    }
    let schema = Arc::new(Schema::new(vec![compiled.field("value")]));
    let result = RecordBatch::try_new(schema, vec![evaluated.values]).unwrap();
    record_json(&result, 0)["value"].to_string()
}

fn no_columns() -> RecordBatch {
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options).unwrap()
}

#[test]
fn the_page_is_generated_from_the_tables() {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(FILE, reference()).unwrap();
    }
    let page = std::fs::read_to_string(FILE).unwrap();
    assert!(page.contains(BEGIN) && page.contains(END), "docs/cel.md has the marks of the generated part");
    assert!(page == reference(), "docs/cel.md is stale; run UPDATE_DOCS=1 cargo test -p etl-expr --lib");
}

#[test]
fn every_example_yields_what_it_says() {
    let mut wrong = Vec::new();
    for example in examples() {
        let expression =
            Expression::parse(example.text).unwrap_or_else(|e| panic!("{}: {e:?}", example.text));
        let found = outcome(&expression.syntax, &no_columns());
        if found != example.yields {
            wrong.push(format!("{}\n  says  {}\n  found {found}", example.text, example.yields));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Replaces the literals of an expression by columns, so that nothing is computed before there is a batch.
#[derive(Default)]
struct Lifting {
    fields: Vec<Field>,
    columns: Vec<ArrayRef>,
}

impl Lifting {
    fn lift(&mut self, syntax: &mut Syntax) {
        match &mut syntax.node {
            SyntaxNode::Literal(Value::Null) => {}
            SyntaxNode::Literal(value) => {
                let kind = match value {
                    Value::Bytes(_) => Kind::Bytes,
                    Value::Uint(_) => Kind::Uint,
                    _ => json::constant(&json::to_json(value).unwrap()).1,
                };
                let data = vector::from_values(&kind, vec![value.clone(), value.clone(), Value::Null]);
                let (column, failed) = output::column(data, &kind, TimeUnit::Microsecond);
                assert!(failed.is_empty());
                let name = format!("column_{}", self.fields.len());
                self.fields.push(Field::new(&name, column.data_type().clone(), true));
                self.columns.push(column);
                syntax.node = SyntaxNode::Name(name);
            }
            SyntaxNode::Constant(..) | SyntaxNode::Name(_) | SyntaxNode::Path(_) => {}
            SyntaxNode::Select { operand, .. }
            | SyntaxNode::Has { operand, .. }
            | SyntaxNode::OptionalSelect { operand, .. }
            | SyntaxNode::Not(operand) => self.lift(operand),
            SyntaxNode::And(a, b)
            | SyntaxNode::Or(a, b)
            | SyntaxNode::OptionalIndex { operand: a, key: b } => {
                self.lift(a);
                self.lift(b);
            }
            SyntaxNode::If(a, b, c) => [a, b, c].into_iter().for_each(|part| self.lift(part)),
            SyntaxNode::Call { args, .. } => args.iter_mut().for_each(|arg| self.lift(arg)),
            SyntaxNode::List(items) => items.iter_mut().for_each(|item| self.lift_item(item)),
            // The keys stay, so that fields can be selected.
            SyntaxNode::Map(entries) => entries.iter_mut().for_each(|(_, item)| self.lift_item(item)),
            SyntaxNode::Loop(inner) => {
                let LoopSyntax { range, condition, yields, .. } = inner.as_mut();
                self.lift(range);
                condition.iter_mut().chain(yields).for_each(|part| self.lift(part));
            }
            SyntaxNode::Bind(bind) => {
                self.lift(&mut bind.value);
                self.lift(&mut bind.body);
            }
        }
    }

    fn lift_item(&mut self, item: &mut ItemSyntax) {
        self.lift(&mut item.value);
    }
}

#[test]
fn columns_yield_what_constants_do() {
    let (mut lifted, mut wrong) = (0, Vec::new());
    for example in examples() {
        let mut syntax = Expression::parse(example.text).unwrap().syntax.as_ref().clone();
        let mut lifting = Lifting::default();
        lifting.lift(&mut syntax);
        if lifting.columns.is_empty() {
            continue;
        }
        lifted += 1;
        let batch = RecordBatch::try_new(Arc::new(Schema::new(lifting.fields)), lifting.columns).unwrap();
        let one = batch.slice(1, 1);
        let found = outcome(&syntax, &one);
        if found != example.yields {
            wrong.push(format!("{}\n  says  {}\n  found {found}", example.text, example.yields));
            continue;
        }
        // The row of nulls neither changes the others nor panics.
        let compiled = compile::compile(&syntax, &batch.schema()).unwrap();
        let evaluated = compiled.evaluate(&batch);
        assert_eq!(evaluated.values.len(), 3);
        assert!(evaluated.errors.iter().all(|error| error.row == 2 || example.yields.starts_with('!')));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(lifted > 100, "{lifted} examples have literals");
}
