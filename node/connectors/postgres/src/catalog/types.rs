use tokio_postgres::Row;

use crate::PostgresError;
use crate::connection::Session;
use crate::error::At;
use crate::types::{Kind, PgType};

/// A type as a column or the result of a query declares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Declared {
    pub(crate) oid: u32,
    pub(crate) modifier: i32,
    /// Declared dimensions of an array; 0 when unknown.
    pub(crate) dimensions: i16,
}

/// A declared type, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub(crate) ty: PgType,
    /// Whether its binary form is not known here: it is read through `::text`, and cannot be written.
    pub(crate) foreign: bool,
}

/// Follows domains down to their base types and looks the elements of arrays up.
const RESOLVE: &str = "\
WITH RECURSIVE declared AS (
    SELECT place, typid, typmod, ndims::int4 AS ndims, false AS domain
    FROM unnest($1::oid[], $2::int4[], $3::int2[]) WITH ORDINALITY AS d (typid, typmod, ndims, place)
  UNION ALL
    SELECT d.place, t.typbasetype, CASE WHEN t.typtypmod = -1 THEN d.typmod ELSE t.typtypmod END,
           greatest(t.typndims, d.ndims), true
    FROM declared d JOIN pg_catalog.pg_type t ON t.oid = d.typid AND t.typtype = 'd'
)
SELECT t.oid, t.typtype::text, t.typname::text, t.typsend::oid::regproc::text, d.typmod, d.ndims,
       pg_catalog.format_type(t.oid, d.typmod), coalesce(e.oid, 0::oid), e.typtype::text, e.typname::text,
       e.typsend::oid::regproc::text, pg_catalog.format_type(e.oid, d.typmod)
FROM declared d
JOIN pg_catalog.pg_type t ON t.oid = d.typid AND t.typtype <> 'd'
LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
ORDER BY d.place";

/// Asks the server what these types are, in their order.
pub(crate) async fn resolve(
    session: &Session,
    declared: &[Declared],
) -> Result<Vec<Resolved>, PostgresError> {
    if declared.is_empty() {
        return Ok(Vec::new());
    }
    let oids: Vec<u32> = declared.iter().map(|declared| declared.oid).collect();
    let modifiers: Vec<i32> = declared.iter().map(|declared| declared.modifier).collect();
    let dimensions: Vec<i16> = declared.iter().map(|declared| declared.dimensions).collect();
    let rows = session.client().query(RESOLVE, &[&oids, &modifiers, &dimensions]).await.at(session.place())?;
    if rows.len() != declared.len() {
        return Err(PostgresError::Transient {
            code: "catalogue_changed",
            message: format!("{}: a type was dropped while it was looked at", session.place()),
        });
    }
    let money = match rows.iter().any(is_money) {
        true => Some(money_scale(session).await?),
        false => None,
    };
    rows.iter().map(|row| resolved(row, money).at(session.place())).collect()
}

fn is_money(row: &Row) -> bool {
    const MONEY: u32 = 790;
    [0, 7].iter().any(|&column| row.try_get::<_, u32>(column).is_ok_and(|oid| oid == MONEY))
}

/// Digits behind the point of the database's currency (`lc_monetary`).
async fn money_scale(session: &Session) -> Result<i8, PostgresError> {
    let sql = "SELECT pg_catalog.scale(1::money::numeric)";
    let row = session.client().query_one(sql, &[]).await.at(session.place())?;
    let scale: i32 = row.try_get(0).at(session.place())?;
    i8::try_from(scale).map_err(|_| PostgresError::Impossible(format!("money with {scale} digits")))
}

fn resolved(row: &Row, money: Option<i8>) -> Result<Resolved, tokio_postgres::Error> {
    let (oid, kind, name): (u32, &str, &str) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let (send, modifier, dimensions): (&str, i32, i32) = (row.try_get(3)?, row.try_get(4)?, row.try_get(5)?);
    let shown: String = row.try_get(6)?;
    let element: u32 = row.try_get(7)?;
    let text = |shown| PgType { kind: Kind::Text, oid, name: shown };
    if element != 0 {
        let (kind, name): (&str, &str) = (row.try_get(8)?, row.try_get(9)?);
        let (send, shown_element): (&str, String) = (row.try_get(10)?, row.try_get(11)?);
        return Ok(match scalar(element, kind, name, send, modifier, money) {
            Some(element_kind) => {
                let element = PgType { kind: element_kind, oid: element, name: shown_element };
                let dimensions = u8::try_from(dimensions.clamp(1, 6)).unwrap_or(1);
                let kind = Kind::Array { element: Box::new(element), dimensions };
                Resolved { ty: PgType { kind, oid, name: shown }, foreign: false }
            }
            None => Resolved { ty: text(shown), foreign: true },
        });
    }
    Ok(match scalar(oid, kind, name, send, modifier, money) {
        Some(kind) => Resolved { ty: PgType { kind, oid, name: shown }, foreign: false },
        None => Resolved { ty: text(shown), foreign: true },
    })
}

/// The binary form of a type that is neither domain nor array; object ids are those of `pg_type.dat`.
fn scalar(oid: u32, kind: &str, name: &str, send: &str, modifier: i32, money: Option<i8>) -> Option<Kind> {
    if kind == "e" {
        return Some(Kind::Text);
    }
    Some(match oid {
        16 => Kind::Bool,
        18 => Kind::Char,
        17 => Kind::Bytea,
        20 => Kind::Int8,
        21 => Kind::Int2,
        23 => Kind::Int4,
        26 => Kind::Oid,
        19 | 25 | 142 | 1042 | 1043 => Kind::Text,
        114 => Kind::Json,
        650 => Kind::Inet { cidr: true },
        700 => Kind::Float4,
        701 => Kind::Float8,
        790 => Kind::Money { scale: money? },
        869 => Kind::Inet { cidr: false },
        1082 => Kind::Date,
        1083 => Kind::Time,
        1114 => Kind::Timestamp,
        1184 => Kind::TimestampTz,
        1186 => Kind::Interval,
        1266 => Kind::TimeTz,
        1560 | 1562 => Kind::Bit,
        1700 => numeric(modifier),
        2950 => Kind::Uuid,
        3802 => Kind::Jsonb,
        // An extension's type, whose object id differs from database to database.
        _ if kind == "b" && name == "citext" && send.ends_with("citextsend") => Kind::Text,
        _ => return None,
    })
}

/// `numeric(p, s)` keeps both in its modifier, 4 above `p << 16 | s` with an `s` of 11 bits and a sign.
fn numeric(modifier: i32) -> Kind {
    if modifier < 4 {
        return Kind::Numeric;
    }
    let packed = modifier - 4;
    let precision = packed >> 16 & 0xffff;
    let scale = ((packed & 0x7ff) ^ 0x400) - 0x400;
    match (u8::try_from(precision), i8::try_from(scale)) {
        (Ok(precision @ 1..=76), Ok(scale)) if scale >= 0 && i32::from(scale) <= i32::from(precision) => {
            Kind::Decimal { precision, scale }
        }
        _ => Kind::Numeric,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_modifier_of_numeric_holds_precision_and_scale() {
        let modifier = |precision: i32, scale: i32| ((precision << 16) | (scale & 0x7ff)) + 4;
        assert_eq!(numeric(-1), Kind::Numeric);
        assert_eq!(numeric(modifier(12, 2)), Kind::Decimal { precision: 12, scale: 2 });
        assert_eq!(numeric(modifier(76, 0)), Kind::Decimal { precision: 76, scale: 0 });
        assert_eq!(numeric(modifier(77, 0)), Kind::Numeric);
        assert_eq!(numeric(modifier(5, -2)), Kind::Numeric);
        assert_eq!(numeric(modifier(2, 5)), Kind::Numeric);
    }
}
