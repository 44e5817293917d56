use crate::types::{Kind, PgType};

use super::catalog;
use super::numeric::Digits;
use super::spans::SpanLimit;
use super::type_name::TypeName;

/// Object ids below this belong to built-in types (PostgreSQL's `FirstNormalObjectId`).
const FIRST_USER_OID: u32 = 16384;

/// A column of the table, with what its type's modifiers demand of values.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) kind: Kind,
    pub(super) oid: u32,
    /// For messages.
    pub(super) name: String,
    pub(super) limit: Limit,
    /// What the elements of an array must be.
    pub(super) element: Option<Box<Target>>,
}

/// What the modifiers of a type demand. The server would round, cut off or pad without a word, or refuse the whole
/// batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    None,
    /// Of `numeric`.
    Digits(Digits),
    /// Characters at most; blanks behind them do not count for `character(n)`.
    Characters {
        most: usize,
        blanks: bool,
    },
    /// Bytes at most.
    Bytes(usize),
    /// Bits.
    Bits {
        most: usize,
        exact: bool,
    },
    /// A whole number of these microseconds.
    Step(i64),
    /// Of an interval.
    Span(SpanLimit),
    /// A document whose declaration names another encoding would be converted from it.
    Xml,
}

impl Target {
    pub(super) fn new(ty: &PgType) -> Self {
        Self::named(ty, TypeName::parse(&ty.name))
    }

    fn named(ty: &PgType, name: Option<TypeName>) -> Self {
        let element = match &ty.kind {
            Kind::Array { element, .. } => {
                // The modifiers of an array are those of its elements; either name may show them.
                let name = name.filter(TypeName::is_modified).or_else(|| TypeName::parse(&element.name));
                Some(Box::new(Self::named(element, name)))
            }
            _ => {
                return Self {
                    kind: ty.kind.clone(),
                    oid: ty.oid,
                    name: ty.name.clone(),
                    limit: limit(ty, name.as_ref()),
                    element: None,
                };
            }
        };
        Self { kind: ty.kind.clone(), oid: ty.oid, name: ty.name.clone(), limit: Limit::None, element }
    }

    /// Whether the binary form of the type is its text: of built-in types that are only read as text it is not; of
    /// others the caller knows.
    pub(super) fn is_text(&self) -> bool {
        const PLAIN: [u32; 6] = [
            catalog::TEXT.oid,
            catalog::VARCHAR.oid,
            catalog::BPCHAR.oid,
            catalog::NAME.oid,
            catalog::XML.oid,
            catalog::UNKNOWN,
        ];
        self.kind == Kind::Text && (self.oid >= FIRST_USER_OID || PLAIN.contains(&self.oid))
    }

    /// The microseconds that values must be a multiple of.
    pub(super) fn step(&self) -> i64 {
        match self.limit {
            Limit::Step(step) => step,
            _ => 1,
        }
    }

    /// The digits that a `numeric` holds.
    pub(super) fn digits(&self) -> Digits {
        match self.limit {
            Limit::Digits(digits) => digits,
            _ => Digits::UNLIMITED,
        }
    }
}

fn limit(ty: &PgType, name: Option<&TypeName>) -> Limit {
    if let Kind::Decimal { precision, scale } = ty.kind {
        return Limit::Digits(Digits::new(precision.into(), scale.into()));
    }
    let Some(name) = name.filter(|name| name.builtin.oid == ty.oid) else { return Limit::None };
    let step = |digits: i32| 10i64.pow(6u32.saturating_sub(digits.unsigned_abs()));
    match (ty.oid, name.modifiers.as_slice()) {
        (19, _) => Limit::Bytes(63),
        (142, _) => Limit::Xml,
        (1186, modifiers) => Limit::Span(SpanLimit {
            unit: name.fields.unwrap_or_default(),
            step: modifiers.first().map_or(1, |digits| step(*digits)),
        }),
        (1042 | 1043, [most]) => {
            Limit::Characters { most: most.unsigned_abs() as usize, blanks: ty.oid == catalog::BPCHAR.oid }
        }
        (1083 | 1114 | 1184 | 1266, [digits]) => Limit::Step(step(*digits)),
        (1560 | 1562, [most]) => {
            Limit::Bits { most: most.unsigned_abs() as usize, exact: ty.oid == catalog::BIT.oid }
        }
        (1700, [precision]) => Limit::Digits(Digits::new(*precision, 0)),
        (1700, [precision, scale]) => Limit::Digits(Digits::new(*precision, *scale)),
        _ => Limit::None,
    }
}
