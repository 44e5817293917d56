use crate::functions::table;
use crate::time::Part;

/// Everything that is called with evaluated operands, operators included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Negate,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    Index,
    Size,
    Contains,
    StartsWith,
    EndsWith,
    Matches,
    ToInt,
    ToUint,
    ToDouble,
    ToString,
    ToBool,
    ToBytes,
    ToTimestamp,
    ToDuration,
    Dyn,
    LowerAscii,
    UpperAscii,
    Trim,
    Reverse,
    Replace,
    Split,
    Substring,
    IndexOf,
    LastIndexOf,
    CharAt,
    Join,
    Quote,
    Format,
    /// `format` of a literal list, whose items are operands by themselves.
    FormatItems,
    Extract,
    ExtractAll,
    ReplacePattern,
    ToBase64,
    FromBase64,
    ToHex,
    FromHex,
    ToPercent,
    FromPercent,
    ParseUrl,
    ParseJson,
    ToJson,
    Hash(Hash),
    HmacSha256,
    Uuid,
    UuidV5,
    Now,
    Get(Part),
    ParseTime,
    Truncate,
    Round,
    Floor,
    Ceil,
    Trunc,
    Abs,
    Sign,
    IsNan,
    IsInf,
    IsFinite,
    Greatest,
    Least,
    Sqrt,
    Power,
    Exp,
    Ln,
    Log10,
    Log2,
    Bits(BitOperation),
    BitNot,
    Slice,
    Flatten,
    Sort,
    Distinct,
    Range,
    First,
    Last,
    SetContains,
    SetEquivalent,
    SetIntersects,
    OptionalOf,
    OptionalNone,
    OptionalOfNonZero,
    OrValue,
    Or,
    HasValue,
    OptionalValue,
    Unwrap,
    Catch,
}

/// A hash of `hash.*`, written in hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha512,
    Crc32,
    Xxh3,
    Xxh64,
}

/// An operation of `math.bit*` with two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BitOperation {
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
}

const OPERATORS: &[(&str, &str, Function)] = &[
    ("_+_", "+", Function::Add),
    ("_-_", "-", Function::Subtract),
    ("_*_", "*", Function::Multiply),
    ("_/_", "/", Function::Divide),
    ("_%_", "%", Function::Modulo),
    ("-_", "-", Function::Negate),
    ("_==_", "==", Function::Equal),
    ("_!=_", "!=", Function::NotEqual),
    ("_<_", "<", Function::Less),
    ("_<=_", "<=", Function::LessEqual),
    ("_>_", ">", Function::Greater),
    ("_>=_", ">=", Function::GreaterEqual),
    ("@in", "in", Function::In),
    ("_[_]", "[]", Function::Index),
];

impl Function {
    /// The function or operator as the user writes it.
    pub fn name(self) -> &'static str {
        let listed = if self == Self::FormatItems { Self::Format } else { self };
        let operator =
            OPERATORS.iter().find(|(_, _, function)| *function == listed).map(|(_, text, _)| *text);
        let named = || table::entries().find(|entry| entry.function == listed).map(|entry| entry.name);
        operator.or_else(named).unwrap_or("?")
    }

    pub fn operator(internal: &str) -> Option<Self> {
        OPERATORS.iter().find(|(name, _, _)| *name == internal).map(|(_, _, function)| *function)
    }

    /// Whether null is an operand like any other.
    pub fn accepts_null(self) -> bool {
        matches!(
            self,
            Self::Equal
                | Self::NotEqual
                | Self::Dyn
                | Self::FormatItems
                | Self::ToJson
                | Self::OptionalOfNonZero
                | Self::OrValue
                | Self::Or
                | Self::HasValue
                | Self::OptionalValue
                | Self::Catch
        )
    }

    /// Whether two calls with the same operands may have different values.
    pub fn is_volatile(self) -> bool {
        matches!(self, Self::Now | Self::Uuid)
    }
}
