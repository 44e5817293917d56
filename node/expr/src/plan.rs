use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use regex::Regex;

use crate::failure::Failure;
use crate::functions::Function;
use crate::kind::Kind;
use crate::syntax::{BindKind, LoopKind};
use crate::value::Value;

/// A typed expression, bound to the columns of one schema.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub kind: Kind,
    pub node: Node,
}

#[derive(Debug, Clone)]
pub(crate) enum Node {
    Const(Value),
    /// Fails in every row.
    Fail(Failure),
    Column {
        index: usize,
        field: FieldRef,
    },
    /// The variable of a surrounding loop or binding, counted from the outermost.
    Local(usize),
    Select(Select),
    IsNull {
        operand: Box<Plan>,
        negated: bool,
    },
    And(Box<Plan>, Box<Plan>),
    Or(Box<Plan>, Box<Plan>),
    Not(Box<Plan>),
    If(Box<Plan>, Box<Plan>, Box<Plan>),
    Call {
        function: Function,
        args: Vec<Plan>,
    },
    /// Index of a map or list in a test for null, where an absent key is null.
    LenientIndex {
        operand: Box<Plan>,
        key: Box<Plan>,
    },
    /// Index of a map or list that yields an optional.
    OptionalIndex {
        operand: Box<Plan>,
        key: Box<Plan>,
    },
    /// An optional, or else the other where it holds nothing.
    OrElse(Box<Plan>, Box<Plan>),
    /// A value, or else the other where it fails.
    Catch(Box<Plan>, Box<Plan>),
    Matches {
        operand: Box<Plan>,
        pattern: Regex,
    },
    InSet {
        operand: Box<Plan>,
        set: Set,
    },
    List(Vec<Item>),
    Map(Vec<(Plan, Item)>),
    Loop(Box<Loop>),
    Bind(Box<Bind>),
}

/// An element of a literal list, or a value of a literal map.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub value: Plan,
    /// Left out where it is null.
    pub optional: bool,
}

/// A value with a name in an expression.
#[derive(Debug, Clone)]
pub(crate) struct Bind {
    pub kind: BindKind,
    pub value: Plan,
    pub body: Plan,
    /// Index of the variable among the locals.
    pub local: usize,
}

/// A field of a struct, map or JSON object.
#[derive(Debug, Clone)]
pub(crate) struct Select {
    pub operand: Box<Plan>,
    pub field: Arc<str>,
    /// Its index where the operand is a struct.
    pub place: Option<usize>,
    /// In a test for null an absent field, and a field of null, is null.
    pub lenient: bool,
}

/// The constants to the right of `in`.
#[derive(Debug, Clone)]
pub(crate) enum Set {
    Ints(HashSet<i64>),
    Strings(HashSet<Arc<str>>),
}

#[derive(Debug, Clone)]
pub(crate) struct Loop {
    pub kind: LoopKind,
    pub range: Plan,
    pub condition: Option<Plan>,
    pub yields: Option<Plan>,
    /// Index of the variable among the locals.
    pub local: usize,
}

impl Plan {
    pub fn new(kind: Kind, node: Node) -> Self {
        Self { kind, node }
    }

    /// The column's field where the plan only names a column, or a field of struct columns.
    pub fn path_field(&self) -> Option<Field> {
        match &self.node {
            Node::Column { field, .. } => Some(field.as_ref().clone()),
            Node::Select(select) => match select.operand.path_field()?.data_type() {
                DataType::Struct(fields) => fields.get(select.place?).map(|field| field.as_ref().clone()),
                _ => None,
            },
            _ => None,
        }
    }

    /// The unit of the times that the plan computes: nanoseconds where a column it uses counts them.
    pub fn time_unit(&self) -> TimeUnit {
        let mut unit = TimeUnit::Microsecond;
        self.visit(&mut |plan| {
            if let Node::Column { field, .. } = &plan.node
                && has_nanoseconds(field.data_type())
            {
                unit = TimeUnit::Nanosecond;
            }
        });
        unit
    }

    /// Indexes of the columns that the plan uses.
    pub fn columns(&self) -> Vec<usize> {
        let mut columns = Vec::new();
        self.visit(&mut |plan| {
            if let Node::Column { index, .. } = &plan.node
                && !columns.contains(index)
            {
                columns.push(*index);
            }
        });
        columns
    }

    fn visit(&self, see: &mut impl FnMut(&Self)) {
        see(self);
        match &self.node {
            Node::Const(_) | Node::Fail(_) | Node::Column { .. } | Node::Local(_) => {}
            Node::Select(select) => select.operand.visit(see),
            Node::IsNull { operand, .. }
            | Node::Not(operand)
            | Node::Matches { operand, .. }
            | Node::InSet { operand, .. } => operand.visit(see),
            Node::And(a, b)
            | Node::Or(a, b)
            | Node::OrElse(a, b)
            | Node::Catch(a, b)
            | Node::LenientIndex { operand: a, key: b }
            | Node::OptionalIndex { operand: a, key: b } => {
                a.visit(see);
                b.visit(see);
            }
            Node::If(a, b, c) => {
                a.visit(see);
                b.visit(see);
                c.visit(see);
            }
            Node::Call { args, .. } => args.iter().for_each(|arg| arg.visit(see)),
            Node::List(items) => items.iter().for_each(|item| item.value.visit(see)),
            Node::Map(entries) => entries.iter().for_each(|(key, item)| {
                key.visit(see);
                item.value.visit(see);
            }),
            Node::Bind(bind) => {
                bind.value.visit(see);
                bind.body.visit(see);
            }
            Node::Loop(inner) => {
                inner.range.visit(see);
                inner.condition.iter().chain(&inner.yields).for_each(|plan| plan.visit(see));
            }
        }
    }
}

fn has_nanoseconds(data_type: &DataType) -> bool {
    match data_type {
        DataType::Timestamp(unit, _) | DataType::Duration(unit) => *unit == TimeUnit::Nanosecond,
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => has_nanoseconds(item.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_nanoseconds(field.data_type())),
        DataType::Dictionary(_, values) => has_nanoseconds(values),
        DataType::RunEndEncoded(_, values) => has_nanoseconds(values.data_type()),
        _ => false,
    }
}
