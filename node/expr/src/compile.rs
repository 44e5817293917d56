use std::sync::Arc;

use arrow::datatypes::Schema;
use regex::Regex;

use crate::compiled::Compiled;
use crate::error::ExprError;
use crate::failure::Failure;
use crate::functions::Function;
use crate::kind::Kind;
use crate::plan::{Loop, Node, Plan, Select, Set};
use crate::scalar;
use crate::signature;
use crate::syntax::{LoopKind, LoopSyntax, Syntax, SyntaxNode};
use crate::value::Value;

/// The name under which a record's fields can be indexed, for names that are no identifiers.
const RECORD: &str = "record";

pub(crate) fn compile(syntax: &Syntax, schema: &Schema) -> Result<Compiled, Vec<ExprError>> {
    let mut compiler = Compiler { schema, locals: Vec::new(), errors: Vec::new() };
    let plan = compiler.plan(syntax, false);
    if plan.path_field().is_none() {
        compiler.refuse_opaque(&plan, syntax.offset);
    }
    if compiler.errors.is_empty() { Ok(Compiled::new(plan)) } else { Err(compiler.errors) }
}

struct Compiler<'a> {
    schema: &'a Schema,
    locals: Vec<(String, Kind)>,
    errors: Vec<ExprError>,
}

impl Compiler<'_> {
    /// Plans a node. `lenient`: it is a path in a test for null, where what is absent is null.
    fn plan(&mut self, syntax: &Syntax, lenient: bool) -> Plan {
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
                let items: Vec<Plan> = items.iter().map(|item| self.value(item)).collect();
                let kind = join_all(items.iter().map(|item| &item.kind));
                literal_list(&items)
                    .unwrap_or_else(|| Plan::new(Kind::List(Box::new(kind.clone())), Node::List(items)))
                    .with_kind(Kind::List(Box::new(kind)))
            }
            SyntaxNode::Map(entries) => self.map(entries),
            SyntaxNode::Loop(inner) => self.over(inner, offset),
        }
    }

    /// Plans an operand whose value is looked at, and therefore must have a type of CEL.
    fn value(&mut self, syntax: &Syntax) -> Plan {
        let plan = self.plan(syntax, false);
        self.refuse_opaque(&plan, syntax.offset);
        plan
    }

    fn refuse_opaque(&mut self, plan: &Plan, offset: Option<usize>) {
        if let Some(data_type) = plan.kind.opaque() {
            let message = format!("expressions cannot use values of type {data_type}");
            self.errors.push(
                ExprError::new(offset, "unsupported_type", message)
                    .with_help("such a field can be carried over unchanged and compared with null"),
            );
        }
    }

    fn name(&self, name: &str, lenient: bool) -> Plan {
        if let Some((local, (_, kind))) =
            self.locals.iter().enumerate().rev().find(|(_, (local, _))| local == name)
        {
            return Plan::new(kind.clone(), Node::Local(local));
        }
        match self.schema.fields().iter().enumerate().find(|(_, field)| field.name() == name) {
            Some((index, field)) => Plan::new(Kind::of(field), Node::Column { index, field: field.clone() }),
            None => missing(name, self.schema.fields().iter().map(|field| field.name().as_str()), lenient),
        }
    }

    /// A column of the whole name, or else the field that the segments lead to.
    fn path(&mut self, segments: &[String], offset: Option<usize>) -> Plan {
        let whole = segments.join(".");
        if self.schema.field_with_name(&whole).is_ok() {
            return self.name(&whole, true);
        }
        let Some((first, rest)) = segments.split_first() else { return constant(Value::Null) };
        let start = self.name(first, true);
        rest.iter().fold(start, |plan, field| self.select_from(plan, field, offset, true))
    }

    fn is_record(&self, operand: &Syntax) -> bool {
        matches!(&operand.node, SyntaxNode::Name(name) if name == RECORD)
            && self.schema.field_with_name(RECORD).is_err()
            && !self.locals.iter().any(|(local, _)| local == RECORD)
    }

    fn select(&mut self, operand: &Syntax, field: &str, offset: Option<usize>, lenient: bool) -> Plan {
        if self.is_record(operand) {
            return self.name(field, lenient);
        }
        let operand_plan = self.plan(operand, lenient);
        self.select_from(operand_plan, field, offset, lenient)
    }

    fn select_from(&mut self, operand_plan: Plan, field: &str, offset: Option<usize>, lenient: bool) -> Plan {
        let kind = match &operand_plan.kind {
            Kind::Never => return operand_plan,
            Kind::Null if lenient => return constant(Value::Null),
            Kind::Null | Kind::Dyn => Kind::Dyn,
            Kind::Struct(fields) => match fields.iter().enumerate().find(|(_, (name, _))| name == field) {
                Some((place, (_, kind))) => {
                    let kind = kind.clone();
                    let select = Select {
                        operand: Box::new(operand_plan),
                        field: field.into(),
                        place: Some(place),
                        lenient,
                    };
                    return Plan::new(kind, Node::Select(select));
                }
                None => return missing(field, fields.iter().map(|(name, _)| name.as_str()), lenient),
            },
            Kind::Map(key, value) if matches!(key.as_ref(), Kind::String | Kind::Dyn | Kind::Never) => {
                value.as_ref().clone()
            }
            kind => {
                let message = format!("a value of type {kind} has no field `{field}`");
                self.errors.push(ExprError::new(offset, "no_such_overload", message));
                return Plan::new(Kind::Never, Node::Const(Value::Null));
            }
        };
        let select = Select { operand: Box::new(operand_plan), field: field.into(), place: None, lenient };
        Plan::new(kind, Node::Select(select))
    }

    fn boolean(&mut self, syntax: &Syntax, operator: &str) -> Plan {
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

    fn conditional(
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

    fn call(&mut self, function: Function, args: &[Syntax], offset: Option<usize>, lenient: bool) -> Plan {
        if let (Function::Equal | Function::NotEqual, [a, b]) = (function, args) {
            let negated = function == Function::NotEqual;
            let literal = |syntax: &Syntax| matches!(syntax.node, SyntaxNode::Literal(Value::Null));
            let tested = if literal(b) { Some(a) } else { literal(a).then_some(b) };
            if let Some(tested) = tested {
                let operand = Box::new(self.plan(tested, true));
                return Plan::new(Kind::Bool, Node::IsNull { operand, negated });
            }
        }
        let plans: Vec<Plan> = match (function, args) {
            (Function::Index, [operand, key]) => {
                let name = match &key.node {
                    SyntaxNode::Literal(Value::String(name)) => Some(name.clone()),
                    _ => None,
                };
                if let Some(name) = &name
                    && self.is_record(operand)
                {
                    return self.name(name, lenient);
                }
                let operand_plan = self.plan(operand, lenient);
                if let Some(name) = name
                    && matches!(operand_plan.kind, Kind::Struct(_))
                {
                    return self.select_from(operand_plan, &name, offset, lenient);
                }
                self.refuse_opaque(&operand_plan, operand.offset);
                let key = self.value(key);
                if lenient && operand_plan.kind == Kind::Null {
                    return constant(Value::Null);
                }
                vec![operand_plan, key]
            }
            _ => args.iter().map(|arg| self.value(arg)).collect(),
        };
        let kinds: Vec<Kind> = plans.iter().map(|plan| plan.kind.clone()).collect();
        let null =
            !function.accepts_null() && !(function == Function::In) && plans.iter().any(is_null_literal);
        let kind = signature::result(function, &kinds).filter(|_| !null);
        let Some(kind) = kind else {
            let names: Vec<String> = kinds.iter().map(Kind::to_string).collect();
            let message = format!("`{}` is not defined for ({})", function.name(), names.join(", "));
            let mut error = ExprError::new(offset, "no_such_overload", message);
            if let Some(help) = conversion_help(function, &kinds) {
                error = error.with_help(help);
            }
            self.errors.push(error);
            return Plan::new(Kind::Never, Node::Const(Value::Null));
        };
        if lenient && function == Function::Index {
            let mut plans = plans.into_iter();
            if let (Some(operand), Some(key)) = (plans.next(), plans.next()) {
                let node = Node::LenientIndex { operand: Box::new(operand), key: Box::new(key) };
                return Plan::new(kind, node);
            }
            return constant(Value::Null);
        }
        self.specialised(function, plans, kind, offset)
    }

    /// Folds constants and picks the nodes with prepared operands.
    fn specialised(
        &mut self,
        function: Function,
        plans: Vec<Plan>,
        kind: Kind,
        offset: Option<usize>,
    ) -> Plan {
        if function == Function::Matches
            && let [_, Plan { node: Node::Const(Value::String(pattern)), .. }] = plans.as_slice()
        {
            match Regex::new(pattern) {
                Ok(pattern) => {
                    if let Some(operand) = plans.into_iter().next() {
                        return Plan::new(kind, Node::Matches { operand: Box::new(operand), pattern });
                    }
                }
                Err(error) => {
                    self.errors.push(ExprError::new(offset, "invalid_pattern", error.to_string()));
                }
            }
            return Plan::new(Kind::Never, Node::Const(Value::Null));
        }
        let values: Option<Vec<Value>> = plans
            .iter()
            .map(|plan| match &plan.node {
                Node::Const(value) => Some(value.clone()),
                _ => None,
            })
            .collect();
        if let Some(values) = values {
            let node = match scalar::call(function, &values) {
                Ok(value) => Node::Const(value),
                Err(failure) => Node::Fail(failure),
            };
            return Plan::new(kind, node);
        }
        if function == Function::In
            && let [operand, Plan { node: Node::Const(Value::List(items)), .. }] = plans.as_slice()
            && let Some(set) = constant_set(&operand.kind, items)
        {
            return Plan::new(kind, Node::InSet { operand: Box::new(operand.clone()), set });
        }
        Plan::new(kind, Node::Call { function, args: plans })
    }

    fn map(&mut self, entries: &[(Syntax, Syntax)]) -> Plan {
        let mut plans = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let (key_plan, value) = (self.value(key), self.value(value));
            let is_key = matches!(
                key_plan.kind,
                Kind::Bool | Kind::Int | Kind::Uint | Kind::String | Kind::Dyn | Kind::Never
            );
            if !is_key {
                let message = format!("a key of a map is bool, int, uint or string, not {}", key_plan.kind);
                self.errors.push(ExprError::new(key.offset, "no_such_overload", message));
            }
            plans.push((key_plan, value));
        }
        let key = join_all(plans.iter().map(|(key, _)| &key.kind));
        let value = join_all(plans.iter().map(|(_, value)| &value.kind));
        Plan::new(Kind::Map(Box::new(key), Box::new(value)), Node::Map(plans))
    }

    fn over(&mut self, inner: &LoopSyntax, offset: Option<usize>) -> Plan {
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
        self.locals.pop();
        let kind = match inner.kind {
            LoopKind::All | LoopKind::Exists | LoopKind::ExistsOne => Kind::Bool,
            LoopKind::Filter => Kind::List(Box::new(element)),
            LoopKind::Map => {
                Kind::List(Box::new(yields.as_ref().map_or(Kind::Dyn, |plan| plan.kind.clone())))
            }
        };
        Plan::new(kind, Node::Loop(Box::new(Loop { kind: inner.kind, range, condition, yields, local })))
    }
}

impl Plan {
    fn with_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }
}

fn constant(value: Value) -> Plan {
    let kind = kind_of(&value);
    Plan::new(kind, Node::Const(value))
}

fn kind_of(value: &Value) -> Kind {
    match value {
        Value::Null => Kind::Null,
        Value::Bool(_) => Kind::Bool,
        Value::Int(_) => Kind::Int,
        Value::Uint(_) => Kind::Uint,
        Value::Double(_) => Kind::Double,
        Value::String(_) => Kind::String,
        Value::Bytes(_) => Kind::Bytes,
        Value::Timestamp(_) => Kind::Timestamp,
        Value::Duration(_) => Kind::Duration,
        Value::List(_) | Value::Map(_) => Kind::Dyn,
    }
}

fn is_null_literal(plan: &Plan) -> bool {
    plan.kind == Kind::Null && matches!(plan.node, Node::Const(Value::Null))
}

fn missing<'a>(name: &str, known: impl Iterator<Item = &'a str>, lenient: bool) -> Plan {
    if lenient {
        return constant(Value::Null);
    }
    let near = known
        .map(|known| (strsim::damerau_levenshtein(&known.to_lowercase(), &name.to_lowercase()), known))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| distance * 3 <= name.len().max(3));
    let message = match near {
        Some((_, near)) => format!("there is no field `{name}`; did you mean `{near}`?"),
        None => format!("there is no field `{name}`"),
    };
    Plan::new(Kind::Never, Node::Fail(Failure::new("no_such_field", message)))
}

/// The type of elements that stand together in a literal: theirs, or `dyn` where they differ.
fn join_all<'a>(mut kinds: impl Iterator<Item = &'a Kind>) -> Kind {
    kinds.try_fold(Kind::Never, |joined, kind| joined.join(kind)).unwrap_or(Kind::Dyn)
}

fn literal_list(items: &[Plan]) -> Option<Plan> {
    let values: Option<Vec<Value>> = items
        .iter()
        .map(|item| match &item.node {
            Node::Const(value) => Some(value.clone()),
            _ => None,
        })
        .collect();
    values.map(|values| Plan::new(Kind::Dyn, Node::Const(Value::List(values.into()))))
}

fn constant_set(kind: &Kind, items: &Arc<[Value]>) -> Option<Set> {
    match kind {
        Kind::Int => items
            .iter()
            .map(|item| if let Value::Int(value) = item { Some(*value) } else { None })
            .collect::<Option<_>>()
            .map(Set::Ints),
        Kind::String => items
            .iter()
            .map(|item| if let Value::String(value) = item { Some(value.clone()) } else { None })
            .collect::<Option<_>>()
            .map(Set::Strings),
        _ => None,
    }
}

fn conversion_help(function: Function, kinds: &[Kind]) -> Option<String> {
    match (function, kinds) {
        (Function::Add, [Kind::String, other] | [other, Kind::String]) => {
            Some(format!("write string(...) around the {other}"))
        }
        (_, [a, b]) if a.is_numeric() && b.is_numeric() => {
            Some("numbers of different types are not converted by themselves; write int(...), uint(...) or double(...)".to_owned())
        }
        (Function::Equal | Function::NotEqual, [a, b]) => {
            Some(format!("convert one side, for example {}(...)", if matches!(a, Kind::String) { b } else { a }))
        }
        _ => None,
    }
}
