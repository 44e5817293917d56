use crate::compile::Compiler;
use crate::error::ExprError;
use crate::kind::Kind;
use crate::plan::{Item, Node, Plan};
use crate::syntax::{ItemSyntax, Syntax};
use crate::value::Value;

impl Compiler<'_> {
    pub(super) fn map(&mut self, entries: &[(Syntax, ItemSyntax)]) -> Plan {
        let mut plans = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let (key_plan, value) = (self.value(key), self.item(value));
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
        let value = join_all(plans.iter().map(|(_, item)| item.kind()));
        Plan::new(Kind::Map(Box::new(key), Box::new(value)), Node::Map(plans))
    }
}

pub(super) fn literal_list(items: &[Item]) -> Option<Plan> {
    let values: Option<Vec<Value>> = items
        .iter()
        .map(|item| match &item.value.node {
            Node::Const(value) if !item.optional => Some(value.clone()),
            _ => None,
        })
        .collect();
    values.map(|values| Plan::new(Kind::Dyn, Node::Const(Value::List(values.into()))))
}

/// The type of elements that stand together in a literal: theirs, or `dyn` where they differ.
pub(super) fn join_all<'a>(mut kinds: impl Iterator<Item = &'a Kind>) -> Kind {
    kinds.try_fold(Kind::Never, |joined, kind| joined.join(kind)).unwrap_or(Kind::Dyn)
}
