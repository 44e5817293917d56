use crate::encodings::URL_PARTS;
use crate::functions::{BitOperation, Function};
use crate::kind::Kind;
use crate::time::Part;

/// The type a call yields for operands of these types; `None` where CEL has no overload for them.
///
/// Operands whose type only the row knows, or that have no value in any row, fit everything.
pub(crate) fn result(function: Function, kinds: &[Kind]) -> Option<Kind> {
    use Kind::{Bool, Bytes, Double, Duration, Dyn, Int, Never, Null, String, Timestamp, Uint};
    let open = |kind: &Kind| matches!(kind, Dyn | Never | Null);
    let fits = |kind: &Kind, wanted: &[Kind]| open(kind) || wanted.contains(kind);
    let all = |wanted: &[&[Kind]]| kinds.iter().zip(wanted).all(|(kind, wanted)| fits(kind, wanted));
    let numbers: &[Kind] = &[Int, Uint, Double];
    let string: &[Kind] = &[String];
    let yields = |kind: Kind, wanted: &[&[Kind]]| all(wanted).then_some(kind);
    match function {
        Function::Now => return Some(Timestamp),
        Function::Uuid => return Some(String),
        Function::OptionalNone => return Some(Kind::Optional(Box::new(Never))),
        _ => {}
    }
    let first = kinds.first()?;
    let second = kinds.get(1);
    // A call whose result type is open has no value at all where an operand has none.
    let unknown = || if kinds.contains(&Never) { Never } else { Dyn };
    match function {
        Function::Add => add(first, second?).or_else(|| (open(first) && open(second?)).then(unknown)),
        Function::Subtract => {
            subtract(first, second?).or_else(|| (open(first) && open(second?)).then(unknown))
        }
        Function::Multiply | Function::Divide => same(first, second?, numbers, unknown),
        Function::Modulo => same(first, second?, &[Int, Uint], unknown),
        Function::Negate if open(first) => Some(unknown()),
        Function::Negate => matches!(first, Int | Double | Duration).then(|| first.clone()),
        Function::Equal | Function::NotEqual => first.comparable(second?).then_some(Bool),
        Function::Less | Function::LessEqual | Function::Greater | Function::GreaterEqual => {
            let second = second?;
            let ordered = |kind: &Kind| {
                kind.is_numeric() || matches!(kind, Bool | String | Bytes | Timestamp | Duration)
            };
            let fit = (open(first) || ordered(first)) && (open(second) || ordered(second));
            (fit && first.comparable(second)).then_some(Bool)
        }
        Function::In => match second? {
            Kind::List(item) => first.comparable(item).then_some(Bool),
            Kind::Map(key, _) => first.comparable(key).then_some(Bool),
            kind => open(kind).then_some(Bool),
        },
        Function::Index => match (first, second?) {
            (Kind::List(item), key) => fits(key, numbers).then(|| item.as_ref().clone()),
            (Kind::Map(key, value), found) => key.comparable(found).then(|| value.as_ref().clone()),
            (Kind::Struct(_), key) => fits(key, string).then_some(Dyn),
            (kind, _) => open(kind).then(unknown),
        },
        Function::Size => {
            let sized = matches!(first, String | Bytes | Kind::List(_) | Kind::Map(..) | Kind::Struct(_));
            (sized || open(first)).then_some(Int)
        }
        Function::Contains | Function::StartsWith | Function::EndsWith | Function::Matches => {
            yields(Bool, &[string, string])
        }
        Function::ToInt => yields(Int, &[&[Int, Uint, Double, String, Timestamp]]),
        Function::ToUint => yields(Uint, &[&[Int, Uint, Double, String]]),
        Function::ToDouble => yields(Double, &[&[Int, Uint, Double, String]]),
        Function::ToString => {
            yields(String, &[&[Bool, Int, Uint, Double, String, Bytes, Timestamp, Duration]])
        }
        Function::ToBool => yields(Bool, &[&[Bool, String]]),
        Function::ToBytes => yields(Bytes, &[&[Bytes, String]]),
        Function::ToTimestamp => yields(Timestamp, &[&[Int, String, Timestamp]]),
        Function::ToDuration => yields(Duration, &[&[String, Duration]]),
        Function::Dyn => Some(if *first == Never { Never } else { Dyn }),
        Function::LowerAscii | Function::UpperAscii | Function::Trim | Function::Quote => {
            yields(String, &[string])
        }
        Function::Reverse => match first {
            String | Kind::List(_) => Some(first.clone()),
            kind => open(kind).then(unknown),
        },
        Function::Replace => yields(String, &[string, string, string, &[Int]]),
        Function::Split => yields(Kind::List(Box::new(String)), &[string, string, &[Int]]),
        Function::Substring => yields(String, &[string, &[Int], &[Int]]),
        Function::IndexOf | Function::LastIndexOf => yields(Int, &[string, string, &[Int]]),
        Function::CharAt => yields(String, &[string, &[Int]]),
        Function::Join => {
            let separator = second.is_none_or(|kind| fits(kind, string));
            let list = match first {
                Kind::List(item) => fits(item, string),
                kind => open(kind),
            };
            (separator && list).then_some(String)
        }
        Function::Get(part) => {
            let of_duration =
                matches!(part, Part::Hours | Part::Minutes | Part::Seconds | Part::Milliseconds);
            let wanted: &[Kind] =
                if of_duration && second.is_none() { &[Timestamp, Duration] } else { &[Timestamp] };
            yields(Int, &[wanted, string])
        }
        Function::Round | Function::Floor | Function::Ceil | Function::Trunc => yields(Double, &[&[Double]]),
        Function::IsNan | Function::IsInf | Function::IsFinite => yields(Bool, &[&[Double]]),
        Function::Abs | Function::Sign if open(first) => Some(unknown()),
        Function::Abs | Function::Sign => first.is_numeric().then(|| first.clone()),
        Function::Greatest | Function::Least => extreme(kinds),
        Function::Format => match first {
            String => {
                (kinds.len() == 2 && matches!(second?, Kind::List(_) | Dyn | Never | Null)).then_some(String)
            }
            Timestamp => yields(String, &[&[Timestamp], string, string]),
            kind => open(kind).then_some(String),
        },
        Function::FormatItems => fits(first, string).then_some(String),
        Function::Extract => yields(Kind::Optional(Box::new(String)), &[string, string]),
        Function::ExtractAll => yields(Kind::List(Box::new(String)), &[string, string]),
        Function::ReplacePattern => yields(String, &[string, string, string, &[Int]]),
        Function::ToBase64 | Function::ToHex => yields(String, &[&[Bytes]]),
        Function::FromBase64 | Function::FromHex => yields(Bytes, &[string]),
        Function::ToPercent | Function::FromPercent => yields(String, &[string]),
        Function::ParseUrl => {
            let part = |name: &str| if name == "port" { Int } else { String };
            let parts = URL_PARTS.iter().map(|name| ((*name).to_owned(), part(name))).collect();
            yields(Kind::Struct(parts), &[string])
        }
        Function::ParseJson => yields(Dyn, &[string]),
        Function::ToJson => Some(String),
        Function::Hash(_) => yields(String, &[&[String, Bytes]]),
        Function::HmacSha256 => yields(String, &[&[String, Bytes], &[String, Bytes]]),
        Function::UuidV5 => yields(String, &[string, string]),
        Function::ParseTime => yields(Timestamp, &[string, string, string]),
        Function::Truncate => yields(Timestamp, &[&[Timestamp], string, string]),
        Function::Sqrt | Function::Exp | Function::Ln | Function::Log10 | Function::Log2 => {
            yields(Double, &[numbers])
        }
        Function::Power => yields(Double, &[numbers, numbers]),
        Function::BitNot if open(first) => Some(unknown()),
        Function::BitNot => matches!(first, Int | Uint).then(|| first.clone()),
        Function::Bits(BitOperation::ShiftLeft | BitOperation::ShiftRight) => {
            let kind = if open(first) { unknown() } else { first.clone() };
            yields(kind, &[&[Int, Uint], &[Int]])
        }
        Function::Bits(_) => same(first, second?, &[Int, Uint], unknown),
        Function::Slice | Function::Sort | Function::Distinct => {
            let places = kinds.iter().skip(1).all(|kind| fits(kind, &[Int]));
            places.then(|| list_of(first, &|item| Some(item.clone())))?
        }
        Function::Flatten => {
            let deep = second.is_some();
            second.is_none_or(|depth| fits(depth, &[Int])).then(|| {
                list_of(first, &|item| match item {
                    _ if deep => Some(Dyn),
                    Kind::List(inner) => Some(inner.as_ref().clone()),
                    item => Some(item.clone()),
                })
            })?
        }
        Function::Range => yields(Kind::List(Box::new(Int)), &[&[Int]]),
        Function::First | Function::Last => match first {
            Kind::List(item) => optional(item),
            kind => open(kind).then(|| Kind::Optional(Box::new(Dyn))),
        },
        Function::Unwrap => list_of(first, &|item| match item {
            Kind::Optional(held) => Some(held.as_ref().clone()),
            kind => open(kind).then(|| kind.clone()),
        }),
        Function::SetContains | Function::SetEquivalent | Function::SetIntersects => {
            let list = |kind: &Kind| matches!(kind, Kind::List(_)) || open(kind);
            let second = second?;
            (list(first) && list(second) && first.comparable(second)).then_some(Bool)
        }
        Function::OptionalOf | Function::OptionalOfNonZero => optional(first),
        Function::Catch => first.join(second?),
        Function::OptionalNone | Function::Now | Function::Uuid => None,
        Function::OrValue => match first {
            Kind::Optional(held) => held.join(second?),
            kind => open(kind).then(unknown),
        },
        Function::Or => match (first, second?) {
            (Kind::Optional(_), Kind::Optional(_)) => first.join(second?),
            (kind, other) => (open(kind) && (open(other) || matches!(other, Kind::Optional(_))))
                .then(|| Kind::Optional(Box::new(Dyn))),
        },
        Function::HasValue => (matches!(first, Kind::Optional(_)) || open(first)).then_some(Bool),
        Function::OptionalValue => match first {
            Kind::Optional(held) => Some(held.as_ref().clone()),
            kind => open(kind).then(unknown),
        },
    }
}

/// An optional of the type; of an optional there is none.
fn optional(kind: &Kind) -> Option<Kind> {
    (!matches!(kind, Kind::Optional(_))).then(|| Kind::Optional(Box::new(kind.clone())))
}

/// A list made of a list, given the type of its elements by that of the other's.
fn list_of(list: &Kind, element: &dyn Fn(&Kind) -> Option<Kind>) -> Option<Kind> {
    let item = match list {
        Kind::Never => return Some(Kind::Never),
        Kind::List(item) => element(item)?,
        Kind::Dyn | Kind::Null => Kind::Dyn,
        _ => return None,
    };
    Some(Kind::List(Box::new(item)))
}

fn add(a: &Kind, b: &Kind) -> Option<Kind> {
    use Kind::{Bytes, Double, Duration, Dyn, Int, Never, Null, String, Timestamp, Uint};
    match (a, b) {
        (Int, Int) | (Uint, Uint) | (Double, Double) | (String, String) | (Bytes, Bytes) => Some(a.clone()),
        (Timestamp, Duration) | (Duration, Timestamp) => Some(Timestamp),
        (Duration, Duration) => Some(Duration),
        (Kind::List(x), Kind::List(y)) => Some(Kind::List(Box::new(x.join(y).unwrap_or(Dyn)))),
        (Int | Uint | Double | String | Bytes, Dyn | Never | Null) => Some(a.clone()),
        (Dyn | Never | Null, Int | Uint | Double | String | Bytes) => Some(b.clone()),
        (Timestamp, Dyn | Never | Null) | (Dyn | Never | Null, Timestamp) => Some(Timestamp),
        (Duration, Dyn | Never | Null) | (Dyn | Never | Null, Duration) => Some(Dyn),
        (Kind::List(_), Dyn | Null) | (Dyn | Null, Kind::List(_)) => Some(Kind::List(Box::new(Dyn))),
        (Kind::List(_), Never) => Some(a.clone()),
        (Never, Kind::List(_)) => Some(b.clone()),
        _ => None,
    }
}

fn subtract(a: &Kind, b: &Kind) -> Option<Kind> {
    use Kind::{Double, Duration, Dyn, Int, Never, Null, Timestamp, Uint};
    match (a, b) {
        (Int, Int) | (Uint, Uint) | (Double, Double) | (Duration, Duration) => Some(a.clone()),
        (Timestamp, Duration) => Some(Timestamp),
        (Timestamp, Timestamp) => Some(Duration),
        (Int | Uint | Double, Dyn | Never | Null) => Some(a.clone()),
        (Dyn | Never | Null, Int | Uint | Double) => Some(b.clone()),
        (Duration, Dyn | Never | Null) | (Dyn | Never | Null, Timestamp) => Some(Duration),
        (Timestamp, Dyn | Never | Null) | (Dyn | Never | Null, Duration) => Some(Dyn),
        _ => None,
    }
}

fn same(a: &Kind, b: &Kind, wanted: &[Kind], unknown: impl Fn() -> Kind) -> Option<Kind> {
    let open = |kind: &Kind| matches!(kind, Kind::Dyn | Kind::Never | Kind::Null);
    match (open(a), open(b)) {
        (true, true) => Some(unknown()),
        (true, false) => wanted.contains(b).then(|| b.clone()),
        (false, true) => wanted.contains(a).then(|| a.clone()),
        (false, false) => (a == b && wanted.contains(a)).then(|| a.clone()),
    }
}

/// The type of the greatest or least: that of all, or `dyn` where numbers of several types meet.
fn extreme(kinds: &[Kind]) -> Option<Kind> {
    let number = |kind: &Kind| kind.is_numeric() || matches!(kind, Kind::Dyn | Kind::Never | Kind::Null);
    let of = |kinds: &[Kind]| {
        let first = kinds.first()?;
        let joined =
            kinds.iter().try_fold(first.clone(), |joined, kind| joined.join(kind)).unwrap_or(Kind::Dyn);
        Some(if joined == Kind::Null { Kind::Dyn } else { joined })
    };
    match kinds {
        [Kind::List(item)] => number(item).then(|| of(std::slice::from_ref(item))).flatten(),
        kinds => kinds.iter().all(number).then(|| of(kinds)).flatten(),
    }
}
