use arrow::datatypes::Schema;

use crate::compile::constant::{constant, is_null_literal};
use crate::compile::literals::{join_all, literal_list};
use crate::compile::optional::optional;
use crate::compiled::Compiled;
use crate::error::ExprError;
use crate::functions::Function;
use crate::kind::Kind;
use crate::plan::{Item, Loop, Node, Plan};
use crate::signature;
use crate::syntax::{LoopKind, LoopSyntax, Syntax, SyntaxNode};
use crate::value::Value;

/// The name under which a record's fields can be indexed, for names that are no identifiers.
pub(super) const RECORD: &str = "record";

pub(crate) fn compile(syntax: &Syntax, schema: &Schema) -> Result<Compiled, Vec<ExprError>> {
    let mut compiler = Compiler { schema, locals: Vec::new(), errors: Vec::new() };
    let plan = compiler.plan(syntax, false);
    if plan.path_field().is_none() {
        compiler.refuse_opaque(&plan, syntax.offset);
    }
    if compiler.errors.is_empty() { Ok(Compiled::new(plan)) } else { Err(compiler.errors) }
}

pub(super) struct Compiler<'a> {
    pub(super) schema: &'a Schema,
    pub(super) locals: Vec<(String, Kind)>,
    pub(super) errors: Vec<ExprError>,
}

impl Compiler<'_> {
    pub(super) fn plan(&mut self, syntax: &Syntax, lenient: bool) -> Plan {
        let offset = syntax.offset;
        match &syntax.node {
            SyntaxNode::Literal(value) => constant(value.clone()),
            SyntaxNode::Constant(value, kind) => Plan::new(kind.clone(), Node::Const(value.clone())),
            SyntaxNode::Path(segments) => self.path(segments, offset),
            SyntaxNode::Name(name) => self.name(name, lenient),
            SyntaxNode::Select { operand, field } => self.select(operand, field, offset, lenient),
            SyntaxNode::Has { operand, field } => {
                let operand = Box::new(self.select(operand, field, offset, true));
                Plan::new(Kind::Bool, Node::IsNull { operand, negated: true })
            }
            SyntaxNode::And(a, b) => {
                let (a, b) = (Box::new(self.boolean(a, "&&")), Box::new(self.boolean(b, "&&")));
                Plan::new(Kind::Bool, Node::And(a, b))
            }
            SyntaxNode::Or(a, b) => {
                let (a, b) = (Box::new(self.boolean(a, "||")), Box::new(self.boolean(b, "||")));
                Plan::new(Kind::Bool, Node::Or(a, b))
            }
            SyntaxNode::Not(operand) => {
                let operand = self.boolean(operand, "!");
                Plan::new(Kind::Bool, Node::Not(Box::new(operand)))
            }
            SyntaxNode::If(condition, then, other) => self.conditional(condition, then, other, offset),
            SyntaxNode::Call { function, args } => self.call(*function, args, offset, lenient),
            SyntaxNode::List(items) => {
                let items: Vec<Item> = items.iter().map(|item| self.item(item)).collect();
                let kind = join_all(items.iter().map(Item::kind));
                literal_list(&items)
                    .unwrap_or_else(|| Plan::new(Kind::List(Box::new(kind.clone())), Node::List(items)))
                    .with_kind(Kind::List(Box::new(kind)))
            }
            SyntaxNode::Map(entries) => self.map(entries),
            SyntaxNode::Loop(inner) => self.over(inner, offset),
            SyntaxNode::OptionalSelect { operand, field } => {
                let plan = self.select(operand, field, offset, true);
                optional(plan)
            }
            SyntaxNode::OptionalIndex { operand, key } => self.optional_index(operand, key, offset),
            SyntaxNode::Bind(bind) => self.bind(bind, offset),
        }
    }

    pub(super) fn value(&mut self, syntax: &Syntax) -> Plan {
        let plan = self.plan(syntax, false);
        self.refuse_opaque(&plan, syntax.offset);
        plan
    }

    pub(super) fn refuse_opaque(&mut self, plan: &Plan, offset: Option<usize>) {
        if let Some(data_type) = plan.kind.opaque() {
            let message = format!("expressions cannot use values of type {data_type}");
            self.errors.push(
                ExprError::new(offset, "unsupported_type", message)
                    .with_help("such a field can be carried over unchanged and compared with null"),
            );
        }
    }

    pub(super) fn boolean(&mut self, syntax: &Syntax, operator: &str) -> Plan {
        let plan = self.value(syntax);
        if !matches!(plan.kind, Kind::Bool | Kind::Dyn | Kind::Never | Kind::Null) || is_null_literal(&plan) {
            let message = format!("`{operator}` needs bool, not {}", plan.kind);
            let mut error = ExprError::new(syntax.offset, "no_such_overload", message);
            if operator == "!" || operator == "&&" || operator == "||" {
                error = error.with_help("compare the value with something to get a bool");
            }
            self.errors.push(error);
        }
        plan
    }

    pub(super) fn conditional(
        &mut self,
        condition: &Syntax,
        then: &Syntax,
        other: &Syntax,
        offset: Option<usize>,
    ) -> Plan {
        let condition = self.boolean(condition, "?:");
        let (then, other) = (self.value(then), self.value(other));
        let Some(kind) = then.kind.join(&other.kind) else {
            let message = format!("the branches of `?:` are of types {} and {}", then.kind, other.kind);
            self.errors.push(
                ExprError::new(offset, "no_such_overload", message)
                    .with_help("convert one branch, or write dyn(...) around it for a value of either type"),
            );
            return Plan::new(Kind::Never, Node::Const(Value::Null));
        };
        Plan::new(kind, Node::If(Box::new(condition), Box::new(then), Box::new(other)))
    }

    pub(super) fn over(&mut self, inner: &LoopSyntax, offset: Option<usize>) -> Plan {
        let range = self.value(&inner.range);
        let element = match &range.kind {
            Kind::List(item) => item.as_ref().clone(),
            Kind::Map(key, _) => key.as_ref().clone(),
            Kind::Dyn | Kind::Null => Kind::Dyn,
            Kind::Never => Kind::Never,
            kind => {
                let message = format!("a value of type {kind} has no elements to go over");
                self.errors.push(ExprError::new(offset, "no_such_overload", message));
                Kind::Never
            }
        };
        let local = self.locals.len();
        self.locals.push((inner.variable.clone(), element.clone()));
        let condition = inner.condition.as_ref().map(|condition| self.boolean(condition, "the condition"));
        let yields = inner.yields.as_ref().map(|yields| self.value(yields));
        if let (LoopKind::SortBy, Some(key)) = (inner.kind, &yields) {
            let list = matches!(range.kind, Kind::List(_) | Kind::Dyn | Kind::Never | Kind::Null);
            if !list || signature::result(Function::Less, &[key.kind.clone(), key.kind.clone()]).is_none() {
                let message = format!("`sortBy` is not defined for ({}, {})", range.kind, key.kind);
                self.errors.push(ExprError::new(offset, "no_such_overload", message));
            }
        }
        self.locals.pop();
        let kind = match inner.kind {
            LoopKind::All | LoopKind::Exists | LoopKind::ExistsOne => Kind::Bool,
            LoopKind::Filter | LoopKind::SortBy => Kind::List(Box::new(element)),
            LoopKind::Map => {
                Kind::List(Box::new(yields.as_ref().map_or(Kind::Dyn, |plan| plan.kind.clone())))
            }
        };
        Plan::new(kind, Node::Loop(Box::new(Loop { kind: inner.kind, range, condition, yields, local })))
    }
}
