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
    List(Vec<Syntax>),
    Map(Vec<(Syntax, Syntax)>),
    Loop(Box<LoopSyntax>),
}

/// One of the macros over the elements of a list or the keys of a map.
#[derive(Debug, Clone)]
pub(crate) struct LoopSyntax {
    pub kind: LoopKind,
    pub range: Syntax,
    pub variable: String,
    /// What decides on an element; absent for `map` with two arguments.
    pub condition: Option<Syntax>,
    /// What `map` yields per element.
    pub yields: Option<Syntax>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoopKind {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}
