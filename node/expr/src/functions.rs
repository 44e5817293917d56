use crate::error::ExprError;
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
    Get(Part),
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
}

/// How a function is called in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Global,
    /// `receiver.f(...)`; the receiver is the first operand.
    Member,
    Both,
    /// `math.f(...)`.
    Math,
}

struct Entry {
    name: &'static str,
    style: Style,
    function: Function,
    /// Number of operands with the receiver, least and most.
    operands: (usize, usize),
}

const fn entry(name: &'static str, style: Style, function: Function, least: usize, most: usize) -> Entry {
    Entry { name, style, function, operands: (least, most) }
}

const TABLE: &[Entry] = &[
    entry("size", Style::Both, Function::Size, 1, 1),
    entry("contains", Style::Member, Function::Contains, 2, 2),
    entry("startsWith", Style::Member, Function::StartsWith, 2, 2),
    entry("endsWith", Style::Member, Function::EndsWith, 2, 2),
    entry("matches", Style::Both, Function::Matches, 2, 2),
    entry("int", Style::Global, Function::ToInt, 1, 1),
    entry("uint", Style::Global, Function::ToUint, 1, 1),
    entry("double", Style::Global, Function::ToDouble, 1, 1),
    entry("string", Style::Global, Function::ToString, 1, 1),
    entry("bool", Style::Global, Function::ToBool, 1, 1),
    entry("bytes", Style::Global, Function::ToBytes, 1, 1),
    entry("timestamp", Style::Global, Function::ToTimestamp, 1, 1),
    entry("duration", Style::Global, Function::ToDuration, 1, 1),
    entry("dyn", Style::Global, Function::Dyn, 1, 1),
    entry("lowerAscii", Style::Member, Function::LowerAscii, 1, 1),
    entry("upperAscii", Style::Member, Function::UpperAscii, 1, 1),
    entry("trim", Style::Member, Function::Trim, 1, 1),
    entry("reverse", Style::Member, Function::Reverse, 1, 1),
    entry("replace", Style::Member, Function::Replace, 3, 4),
    entry("split", Style::Member, Function::Split, 2, 3),
    entry("substring", Style::Member, Function::Substring, 2, 3),
    entry("indexOf", Style::Member, Function::IndexOf, 2, 3),
    entry("lastIndexOf", Style::Member, Function::LastIndexOf, 2, 3),
    entry("charAt", Style::Member, Function::CharAt, 2, 2),
    entry("join", Style::Member, Function::Join, 1, 2),
    entry("getFullYear", Style::Member, Function::Get(Part::FullYear), 1, 2),
    entry("getMonth", Style::Member, Function::Get(Part::Month), 1, 2),
    entry("getDate", Style::Member, Function::Get(Part::Date), 1, 2),
    entry("getDayOfMonth", Style::Member, Function::Get(Part::DayOfMonth), 1, 2),
    entry("getDayOfWeek", Style::Member, Function::Get(Part::DayOfWeek), 1, 2),
    entry("getDayOfYear", Style::Member, Function::Get(Part::DayOfYear), 1, 2),
    entry("getHours", Style::Member, Function::Get(Part::Hours), 1, 2),
    entry("getMinutes", Style::Member, Function::Get(Part::Minutes), 1, 2),
    entry("getSeconds", Style::Member, Function::Get(Part::Seconds), 1, 2),
    entry("getMilliseconds", Style::Member, Function::Get(Part::Milliseconds), 1, 2),
    entry("round", Style::Math, Function::Round, 1, 1),
    entry("floor", Style::Math, Function::Floor, 1, 1),
    entry("ceil", Style::Math, Function::Ceil, 1, 1),
    entry("trunc", Style::Math, Function::Trunc, 1, 1),
    entry("abs", Style::Math, Function::Abs, 1, 1),
    entry("sign", Style::Math, Function::Sign, 1, 1),
    entry("isNaN", Style::Math, Function::IsNan, 1, 1),
    entry("isInf", Style::Math, Function::IsInf, 1, 1),
    entry("isFinite", Style::Math, Function::IsFinite, 1, 1),
    entry("greatest", Style::Math, Function::Greatest, 1, usize::MAX),
    entry("least", Style::Math, Function::Least, 1, usize::MAX),
];

/// The macros, which the parser expands when the number of arguments is right.
const MACROS: &[(&str, &str)] = &[
    ("has", "has(record.field)"),
    ("all", "list.all(x, condition)"),
    ("exists", "list.exists(x, condition)"),
    ("exists_one", "list.exists_one(x, condition)"),
    ("existsOne", "list.existsOne(x, condition)"),
    ("map", "list.map(x, value)"),
    ("filter", "list.filter(x, condition)"),
];

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
        let operator = OPERATORS.iter().find(|(_, _, function)| *function == self).map(|(_, text, _)| *text);
        let named = || TABLE.iter().find(|entry| entry.function == self).map(|entry| entry.name);
        operator.or_else(named).unwrap_or("?")
    }

    pub fn operator(internal: &str) -> Option<Self> {
        OPERATORS.iter().find(|(name, _, _)| *name == internal).map(|(_, _, function)| *function)
    }

    /// Whether null is an operand like any other.
    pub fn accepts_null(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual | Self::Dyn)
    }
}

/// Whether `math` in front of the name is the namespace of a function.
pub(crate) fn is_math(name: &str) -> bool {
    TABLE.iter().any(|entry| entry.style == Style::Math && entry.name == name)
}

/// Finds a called function and checks the number of its operands (the receiver included).
pub(crate) fn resolve(
    name: &str,
    receiver: bool,
    math: bool,
    operands: usize,
    offset: Option<usize>,
) -> Result<Function, ExprError> {
    let written = if math { format!("math.{name}") } else { name.to_owned() };
    if let Some((_, usage)) = MACROS.iter().find(|(found, _)| *found == name && !math) {
        let message = format!("`{name}` is called with the wrong arguments");
        return Err(ExprError::new(offset, "wrong_arguments", message).with_help(format!("write `{usage}`")));
    }
    let Some(entry) = TABLE.iter().find(|entry| entry.name == name && (entry.style == Style::Math) == math)
    else {
        return Err(unknown(name, &written, offset));
    };
    let usage = match entry.style {
        Style::Global => format!("{name}(...)"),
        Style::Math => format!("math.{name}(...)"),
        Style::Member | Style::Both => format!("value.{name}(...)"),
    };
    let style_fits = match entry.style {
        Style::Global | Style::Math => !receiver,
        Style::Member => receiver,
        Style::Both => true,
    };
    if !style_fits {
        let message = format!("`{written}` is not called this way");
        return Err(ExprError::new(offset, "wrong_arguments", message).with_help(format!("write `{usage}`")));
    }
    let (least, most) = entry.operands;
    if (least..=most).contains(&operands) {
        return Ok(entry.function);
    }
    let own = usize::from(receiver);
    let expected = match (least.saturating_sub(own), most.saturating_sub(own)) {
        (1, 1) => "1 argument".to_owned(),
        (least, most) if least == most => format!("{least} arguments"),
        (least, most) if most > 16 => format!("at least {least} argument"),
        (least, most) => format!("{least} to {most} arguments"),
    };
    let message = format!("`{written}` takes {expected}, not {}", operands.saturating_sub(own));
    Err(ExprError::new(offset, "wrong_arguments", message))
}

fn unknown(name: &str, written: &str, offset: Option<usize>) -> ExprError {
    let error = ExprError::new(offset, "unknown_function", format!("there is no function `{written}`"));
    let candidates = TABLE
        .iter()
        .map(|entry| (entry.name, entry.style))
        .chain(MACROS.iter().map(|(name, _)| (*name, Style::Member)));
    let best = candidates
        .map(|(candidate, style)| {
            (strsim::damerau_levenshtein(&candidate.to_lowercase(), &name.to_lowercase()), candidate, style)
        })
        .min_by_key(|(distance, _, _)| *distance);
    match best {
        Some((distance, candidate, style)) if distance * 3 <= name.len().max(3) => {
            let prefix = if style == Style::Math { "math." } else { "" };
            error.with_help(format!("did you mean `{prefix}{candidate}`?"))
        }
        _ => error,
    }
}
