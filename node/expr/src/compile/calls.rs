use std::sync::Arc;

use crate::compile::Compiler;
use crate::compile::constant::{constant, is_null_literal};
use crate::error::ExprError;
use crate::failure::Failure;
use crate::functions::Function;
use crate::kind::Kind;
use crate::patterns;
use crate::plan::{Node, Plan, Set};
use crate::scalar;
use crate::signature;
use crate::syntax::{Syntax, SyntaxNode};
use crate::template;
use crate::value::Value;

impl Compiler<'_> {
    pub(super) fn call(
        &mut self,
        function: Function,
        args: &[Syntax],
        offset: Option<usize>,
        lenient: bool,
    ) -> Plan {
        if let (Function::Equal | Function::NotEqual, [a, b]) = (function, args) {
            let negated = function == Function::NotEqual;
            let literal = |syntax: &Syntax| matches!(syntax.node, SyntaxNode::Literal(Value::Null));
            let tested = if literal(b) { Some(a) } else { literal(a).then_some(b) };
            if let Some(tested) = tested {
                let operand = Box::new(self.plan(tested, true));
                return Plan::new(Kind::Bool, Node::IsNull { operand, negated });
            }
        }
        if let (Function::Format, [template, Syntax { node: SyntaxNode::List(items), .. }]) = (function, args)
            && let SyntaxNode::Literal(Value::String(_)) = template.node
            && items.iter().all(|item| !item.optional)
        {
            let operands: Vec<Syntax> =
                std::iter::once(template).chain(items.iter().map(|item| &item.value)).cloned().collect();
            return self.call(Function::FormatItems, &operands, offset, lenient);
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
                if let Kind::Optional(_) = operand_plan.kind {
                    return self.optional_index(operand, key, offset);
                }
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
        let Some(kind) = kind else { return self.no_overload(function, &kinds, offset) };
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

    pub(super) fn specialised(
        &mut self,
        function: Function,
        plans: Vec<Plan>,
        kind: Kind,
        offset: Option<usize>,
    ) -> Plan {
        if let Some(failure) = invalid_text(function, &plans) {
            self.errors.push(ExprError::new(offset, failure.code, failure.message));
            return Plan::new(Kind::Never, Node::Const(Value::Null));
        }
        if function == Function::Matches
            && let [_, Plan { node: Node::Const(Value::String(pattern)), .. }] = plans.as_slice()
            && let Ok(pattern) = patterns::compile(pattern)
            && let Some(operand) = plans.first()
        {
            return Plan::new(kind, Node::Matches { operand: Box::new(operand.clone()), pattern });
        }
        let values: Option<Vec<Value>> = plans
            .iter()
            .map(|plan| match &plan.node {
                Node::Const(value) => Some(value.clone()),
                _ => None,
            })
            .collect();
        if let Some(values) = values.filter(|_| !function.is_volatile()) {
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
        if let (Function::OrValue | Function::Or, [first, second]) = (function, plans.as_slice()) {
            return Plan::new(kind, Node::OrElse(Box::new(first.clone()), Box::new(second.clone())));
        }
        if let (Function::Catch, [first, second]) = (function, plans.as_slice()) {
            return Plan::new(kind, Node::Catch(Box::new(first.clone()), Box::new(second.clone())));
        }
        Plan::new(kind, Node::Call { function, args: plans })
    }

    pub(super) fn no_overload(&mut self, function: Function, kinds: &[Kind], offset: Option<usize>) -> Plan {
        let names: Vec<String> = kinds.iter().map(Kind::to_string).collect();
        let message = format!("`{}` is not defined for ({})", function.name(), names.join(", "));
        let mut error = ExprError::new(offset, "no_such_overload", message);
        if let Some(help) = conversion_help(function, kinds) {
            error = error.with_help(help);
        }
        self.errors.push(error);
        Plan::new(Kind::Never, Node::Const(Value::Null))
    }
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

/// Why a pattern or template that stands in the text cannot be used in any row.
fn invalid_text(function: Function, plans: &[Plan]) -> Option<Failure> {
    let text = |place: usize| match plans.get(place) {
        Some(Plan { node: Node::Const(Value::String(text)), .. }) => Some(text.clone()),
        _ => None,
    };
    match function {
        Function::Matches | Function::Extract | Function::ExtractAll | Function::ReplacePattern => {
            patterns::compile(&text(1)?).err()
        }
        Function::FormatItems => template::parse(&text(0)?).err(),
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
