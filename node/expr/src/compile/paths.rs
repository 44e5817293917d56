use crate::compile::constant::constant;
use crate::compile::optional::optional;
use crate::compile::{Compiler, RECORD};
use crate::error::ExprError;
use crate::failure::Failure;
use crate::kind::Kind;
use crate::plan::{Node, Plan, Select};
use crate::syntax::{Syntax, SyntaxNode};
use crate::value::Value;

impl Compiler<'_> {
    pub(super) fn name(&self, name: &str, lenient: bool) -> Plan {
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

    pub(super) fn path(&mut self, segments: &[String], offset: Option<usize>) -> Plan {
        let whole = segments.join(".");
        if self.schema.field_with_name(&whole).is_ok() {
            return self.name(&whole, true);
        }
        let Some((first, rest)) = segments.split_first() else { return constant(Value::Null) };
        let start = self.name(first, true);
        rest.iter().fold(start, |plan, field| self.select_from(plan, field, offset, true))
    }

    pub(super) fn is_record(&self, operand: &Syntax) -> bool {
        matches!(&operand.node, SyntaxNode::Name(name) if name == RECORD)
            && self.schema.field_with_name(RECORD).is_err()
            && !self.locals.iter().any(|(local, _)| local == RECORD)
    }

    pub(super) fn select(
        &mut self,
        operand: &Syntax,
        field: &str,
        offset: Option<usize>,
        lenient: bool,
    ) -> Plan {
        if self.is_record(operand) {
            return self.name(field, lenient);
        }
        let operand_plan = self.plan(operand, lenient);
        self.select_from(operand_plan, field, offset, lenient)
    }

    pub(super) fn select_from(
        &mut self,
        operand_plan: Plan,
        field: &str,
        offset: Option<usize>,
        lenient: bool,
    ) -> Plan {
        if let Kind::Optional(held) = &operand_plan.kind {
            let held = held.as_ref().clone();
            return optional(self.select_from(operand_plan.with_kind(held), field, offset, true));
        }
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
