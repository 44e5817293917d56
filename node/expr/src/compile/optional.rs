use crate::compile::Compiler;
use crate::error::ExprError;
use crate::functions::Function;
use crate::kind::Kind;
use crate::plan::{Bind, Item, Node, Plan};
use crate::signature;
use crate::syntax::{BindKind, BindSyntax, ItemSyntax, Syntax, SyntaxNode};
use crate::value::Value;

impl Compiler<'_> {
    pub(super) fn item(&mut self, syntax: &ItemSyntax) -> Item {
        let value = self.value(&syntax.value);
        let fits = matches!(value.kind, Kind::Optional(_) | Kind::Dyn | Kind::Never | Kind::Null);
        if syntax.optional && !fits {
            let message = format!("`?` stands before an optional, not {}", value.kind);
            self.errors.push(
                ExprError::new(syntax.value.offset, "no_such_overload", message)
                    .with_help("remove the `?`, or write optional.of(...)"),
            );
        }
        Item { value, optional: syntax.optional }
    }

    pub(super) fn optional_index(&mut self, operand: &Syntax, key: &Syntax, offset: Option<usize>) -> Plan {
        if let SyntaxNode::Literal(Value::String(name)) = &key.node {
            if self.is_record(operand) {
                return optional(self.name(name, true));
            }
            let plan = self.plan(operand, true);
            if let Kind::Struct(_) = held(&plan.kind) {
                return optional(self.select_from(plan, name, offset, true));
            }
        }
        let operand = self.plan(operand, true);
        self.refuse_opaque(&operand, offset);
        let key = self.value(key);
        let kinds = [held(&operand.kind).clone(), key.kind.clone()];
        match signature::result(Function::Index, &kinds) {
            Some(kind) => {
                let node = Node::OptionalIndex { operand: Box::new(operand), key: Box::new(key) };
                optional(Plan::new(kind, node))
            }
            None => self.no_overload(Function::Index, &kinds, offset),
        }
    }

    pub(super) fn bind(&mut self, bind: &BindSyntax, offset: Option<usize>) -> Plan {
        let value = self.value(&bind.value);
        let known = match (bind.kind, &value.kind) {
            (BindKind::Value, kind) => kind.clone(),
            (_, Kind::Optional(held)) => held.as_ref().clone(),
            (_, Kind::Dyn | Kind::Null) => Kind::Dyn,
            (_, Kind::Never) => Kind::Never,
            (_, kind) => {
                let message = format!("a value of type {kind} is not an optional");
                self.errors.push(
                    ExprError::new(offset, "no_such_overload", message).with_help("write optional.of(...)"),
                );
                Kind::Never
            }
        };
        let local = self.locals.len();
        self.locals.push((bind.variable.clone(), known));
        let body = self.value(&bind.body);
        self.locals.pop();
        let kind = match (bind.kind, &body.kind) {
            (BindKind::Value, kind) => kind.clone(),
            (BindKind::FlatMap, Kind::Optional(_)) => body.kind.clone(),
            (BindKind::FlatMap, Kind::Dyn | Kind::Never | Kind::Null) => Kind::Optional(Box::new(Kind::Dyn)),
            (BindKind::FlatMap, kind) => {
                let message = format!("`optFlatMap` yields an optional, not {kind}");
                self.errors.push(
                    ExprError::new(bind.body.offset, "no_such_overload", message)
                        .with_help("write `optMap` for a value that is no optional"),
                );
                Kind::Never
            }
            (BindKind::Map, Kind::Optional(_)) => {
                self.errors.push(
                    ExprError::new(
                        bind.body.offset,
                        "no_such_overload",
                        "`optMap` yields a value, not an optional",
                    )
                    .with_help("write `optFlatMap` for a value that is an optional"),
                );
                Kind::Never
            }
            (BindKind::Map, kind) => Kind::Optional(Box::new(kind.clone())),
        };
        Plan::new(kind, Node::Bind(Box::new(Bind { kind: bind.kind, value, body, local })))
    }
}

impl Item {
    /// The type of what stands in the list or map.
    pub(super) fn kind(&self) -> &Kind {
        if self.optional { held(&self.value.kind) } else { &self.value.kind }
    }
}

/// The plan as one that yields an optional, which a null is that holds nothing.
pub(super) fn optional(plan: Plan) -> Plan {
    match plan.kind {
        Kind::Never | Kind::Optional(_) => plan,
        _ => {
            let kind = Kind::Optional(Box::new(plan.kind.clone()));
            plan.with_kind(kind)
        }
    }
}

/// What an optional holds; of other types the type itself.
pub(super) fn held(kind: &Kind) -> &Kind {
    match kind {
        Kind::Optional(held) => held,
        kind => kind,
    }
}
