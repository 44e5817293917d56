use crate::kind::Kind;
use crate::plan::{Node, Plan};
use crate::value::Value;

pub(super) fn constant(value: Value) -> Plan {
    let kind = kind_of(&value);
    Plan::new(kind, Node::Const(value))
}

pub(super) fn kind_of(value: &Value) -> Kind {
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

impl Plan {
    pub(super) fn with_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }
}

pub(super) fn is_null_literal(plan: &Plan) -> bool {
    plan.kind == Kind::Null && matches!(plan.node, Node::Const(Value::Null))
}
