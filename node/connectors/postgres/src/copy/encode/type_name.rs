use crate::types::{Kind, PgType};

use super::catalog::{self, BUILTINS, Builtin};

/// The name of a built-in type, taken apart.
#[derive(Debug)]
pub(super) struct TypeName {
    pub(super) builtin: &'static Builtin,
    /// What stands in parentheses.
    pub(super) modifiers: Vec<i32>,
    /// The fields of an interval, such as `day to second`.
    pub(super) fields: Option<&'static str>,
    /// Pairs of brackets behind it.
    pub(super) dimensions: u8,
}

/// What may stand behind `interval`.
const FIELDS: [&str; 13] = [
    "year",
    "month",
    "day",
    "hour",
    "minute",
    "second",
    "year to month",
    "day to hour",
    "day to minute",
    "day to second",
    "hour to minute",
    "hour to second",
    "minute to second",
];

impl TypeName {
    /// Reads a name as `format_type` writes it, or with a common alias; nothing for other types and for modifiers
    /// that the type does not have.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let mut element = name.trim();
        let mut dimensions = 0u8;
        while let Some(rest) = element.strip_suffix("[]") {
            dimensions = dimensions.checked_add(1)?;
            element = rest.trim_end();
        }
        let (base, modifiers) = split_modifiers(element)?;
        let (builtin, fields) = match base.strip_prefix("interval ") {
            Some(fields) => (&catalog::INTERVAL, Some(*FIELDS.iter().find(|known| **known == fields)?)),
            None => {
                let known =
                    |builtin: &&&Builtin| builtin.name == base || builtin.aliases.contains(&base.as_str());
                (*BUILTINS.iter().find(known)?, None)
            }
        };
        let mut parsed = Self { builtin, modifiers, fields, dimensions };
        // Without a length they are one character or bit long, but not under the names that only catalogues use.
        if parsed.modifiers.is_empty() && matches!(base.as_str(), "character" | "char" | "bit") {
            parsed.modifiers.push(1);
        }
        parsed.is_valid().then_some(parsed)
    }

    /// Whether it says more than the type.
    pub(super) fn is_modified(&self) -> bool {
        !self.modifiers.is_empty() || self.fields.is_some()
    }

    fn is_valid(&self) -> bool {
        let fraction = 0..=6;
        match (self.builtin.oid, self.modifiers.as_slice()) {
            (1186, [digits]) => {
                self.fields.is_none_or(|fields| fields.ends_with("second")) && fraction.contains(digits)
            }
            (_, []) => true,
            (1083 | 1114 | 1184 | 1266, [digits]) => fraction.contains(digits),
            (1042 | 1043, [length]) => (1..=10_485_760).contains(length),
            (1560 | 1562, [length]) => (1..=83_886_080).contains(length),
            (1700, [precision]) => (1..=1000).contains(precision),
            (1700, [precision, scale]) => (1..=1000).contains(precision) && (-1000..=1000).contains(scale),
            _ => false,
        }
    }

    /// The type under the name that `format_type` writes, with a pair of brackets per dimension.
    pub(super) fn pg_type(&self) -> PgType {
        let mut ty = self.builtin.plain();
        if let (1700, [precision, rest @ ..]) = (ty.oid, self.modifiers.as_slice()) {
            ty.kind = numeric_kind(*precision, rest.first().copied().unwrap_or_default());
        }
        ty.name = self.element_name();
        if self.dimensions == 0 {
            return ty;
        }
        let name = format!("{}{}", ty.name, "[]".repeat(self.dimensions.into()));
        let kind = Kind::Array { element: Box::new(ty), dimensions: self.dimensions };
        PgType { kind, oid: self.builtin.array, name }
    }

    fn element_name(&self) -> String {
        let base = self.builtin.name;
        let fields = self.fields.map(|fields| format!(" {fields}")).unwrap_or_default();
        match (self.builtin.oid, self.modifiers.as_slice()) {
            (1042, []) => "bpchar".to_owned(),
            (1560, []) => "\"bit\"".to_owned(),
            (_, []) => format!("{base}{fields}"),
            (1700, [precision]) => format!("numeric({precision},0)"),
            (1083 | 1114 | 1184 | 1266, [digits]) => match base.split_once(' ') {
                Some((first, rest)) => format!("{first}({digits}) {rest}"),
                None => format!("{base}({digits})"),
            },
            (_, modifiers) => {
                let modifiers: Vec<String> = modifiers.iter().map(i32::to_string).collect();
                format!("{base}{fields}({})", modifiers.join(","))
            }
        }
    }
}

/// The kind of `numeric(precision, scale)`.
pub(super) fn numeric_kind(precision: i32, scale: i32) -> Kind {
    match (u8::try_from(precision), i8::try_from(scale)) {
        (Ok(digits @ 1..=76), Ok(places)) if (0..=precision).contains(&scale) => {
            Kind::Decimal { precision: digits, scale: places }
        }
        _ => Kind::Numeric,
    }
}

/// `timestamp(3) with time zone` is `timestamp with time zone` and 3.
fn split_modifiers(name: &str) -> Option<(String, Vec<i32>)> {
    let Some((before, rest)) = name.split_once('(') else { return Some((name.to_owned(), Vec::new())) };
    let (inside, after) = rest.split_once(')')?;
    let modifiers = inside.split(',').map(|part| part.trim().parse().ok()).collect::<Option<_>>()?;
    Some((format!("{}{after}", before.trim_end()), modifiers))
}
