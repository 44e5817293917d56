use crate::functions::Function;
use crate::kind::Kind;
use crate::value::Value;

/// A parsed expression: functions resolved by name, types not yet known.
#[derive(Debug, Clone)]
pub(crate) struct Syntax {
    /// Byte offset of the token the node is named after.
    pub offset: Option<usize>,
    pub node: SyntaxNode,
}

#[derive(Debug, Clone)]
pub(crate) enum SyntaxNode {
    Literal(Value),
    /// A value with its type, for constants that are no expression.
    Constant(Value, Kind),
    Name(String),
    /// A dotted path to a field, where what is absent is null.
    Path(Vec<String>),
    Select {
        operand: Box<Syntax>,
        field: String,
    },
    Has {
        operand: Box<Syntax>,
        field: String,
    },
    And(Box<Syntax>, Box<Syntax>),
    Or(Box<Syntax>, Box<Syntax>),
    Not(Box<Syntax>),
    If(Box<Syntax>, Box<Syntax>, Box<Syntax>),
    Call {
        function: Function,
        args: Vec<Syntax>,
    },
    List(Vec<ItemSyntax>),
    Map(Vec<(Syntax, ItemSyntax)>),
    Loop(Box<LoopSyntax>),
    /// `operand.?field`.
    OptionalSelect {
        operand: Box<Syntax>,
        field: String,
    },
    /// `operand[?key]`.
    OptionalIndex {
        operand: Box<Syntax>,
        key: Box<Syntax>,
    },
    Bind(Box<BindSyntax>),
}

/// An element of a literal list, or a value of a literal map.
#[derive(Debug, Clone)]
pub(crate) struct ItemSyntax {
    pub value: Syntax,
    /// An optional, which is left out where it holds nothing.
    pub optional: bool,
}

/// A value with a name in an expression.
#[derive(Debug, Clone)]
pub(crate) struct BindSyntax {
    pub kind: BindKind,
    pub value: Syntax,
    pub variable: String,
    pub body: Syntax,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BindKind {
    /// `cel.bind`.
    Value,
    /// `optMap`: what an optional holds, and the body only where it does.
    Map,
    /// `optFlatMap`.
    FlatMap,
}

/// One of the macros over the elements of a list or the keys of a map.
#[derive(Debug, Clone)]
pub(crate) struct LoopSyntax {
    pub kind: LoopKind,
    pub range: Syntax,
    pub variable: String,
    /// What decides on an element; absent for `map` with two arguments.
    pub condition: Option<Syntax>,
    /// What `map` yields per element, and by what `sortBy` orders.
    pub yields: Option<Syntax>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoopKind {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
    SortBy,
}

impl Syntax {
    /// Whether some call in the expression fulfils the condition.
    pub fn calls(&self, condition: &impl Fn(Function) -> bool) -> bool {
        match &self.node {
            SyntaxNode::Literal(_) | SyntaxNode::Constant(..) | SyntaxNode::Name(_) | SyntaxNode::Path(_) => {
                false
            }
            SyntaxNode::Select { operand, .. }
            | SyntaxNode::Has { operand, .. }
            | SyntaxNode::OptionalSelect { operand, .. }
            | SyntaxNode::Not(operand) => operand.calls(condition),
            SyntaxNode::And(a, b)
            | SyntaxNode::Or(a, b)
            | SyntaxNode::OptionalIndex { operand: a, key: b } => a.calls(condition) || b.calls(condition),
            SyntaxNode::If(a, b, c) => [a, b, c].iter().any(|part| part.calls(condition)),
            SyntaxNode::Call { function, args } => {
                condition(*function) || args.iter().any(|arg| arg.calls(condition))
            }
            SyntaxNode::List(items) => items.iter().any(|item| item.value.calls(condition)),
            SyntaxNode::Map(entries) => {
                entries.iter().any(|(key, item)| key.calls(condition) || item.value.calls(condition))
            }
            SyntaxNode::Loop(inner) => {
                inner.range.calls(condition)
                    || inner.condition.iter().chain(&inner.yields).any(|part| part.calls(condition))
            }
            SyntaxNode::Bind(bind) => bind.value.calls(condition) || bind.body.calls(condition),
        }
    }
}
