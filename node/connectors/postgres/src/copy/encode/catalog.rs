use crate::types::{Kind, PgType};

/// A built-in type that can be written.
#[derive(Debug)]
pub(super) struct Builtin {
    /// As `format_type` writes it without modifiers; for times without the precision.
    pub(super) name: &'static str,
    /// Other spellings that SQL takes.
    pub(super) aliases: &'static [&'static str],
    /// Its object id, from PostgreSQL's `pg_type.dat`.
    pub(super) oid: u32,
    /// That of its arrays.
    pub(super) array: u32,
}

const fn builtin(name: &'static str, aliases: &'static [&'static str], oid: u32, array: u32) -> Builtin {
    Builtin { name, aliases, oid, array }
}

pub(super) const BOOL: Builtin = builtin("boolean", &["bool"], 16, 1000);
pub(super) const BYTEA: Builtin = builtin("bytea", &[], 17, 1001);
pub(super) const CHAR: Builtin = builtin("\"char\"", &[], 18, 1002);
pub(super) const NAME: Builtin = builtin("name", &[], 19, 1003);
pub(super) const INT8: Builtin = builtin("bigint", &["int8"], 20, 1016);
pub(super) const INT2: Builtin = builtin("smallint", &["int2"], 21, 1005);
pub(super) const INT4: Builtin = builtin("integer", &["int4", "int"], 23, 1007);
pub(super) const TEXT: Builtin = builtin("text", &[], 25, 1009);
pub(super) const OID: Builtin = builtin("oid", &[], 26, 1028);
pub(super) const TID: Builtin = builtin("tid", &[], 27, 1010);
pub(super) const JSON: Builtin = builtin("json", &[], 114, 199);
pub(super) const XML: Builtin = builtin("xml", &[], 142, 143);
pub(super) const CIDR: Builtin = builtin("cidr", &[], 650, 651);
pub(super) const FLOAT4: Builtin = builtin("real", &["float4"], 700, 1021);
pub(super) const FLOAT8: Builtin = builtin("double precision", &["float8"], 701, 1022);
pub(super) const UNKNOWN: u32 = 705;
pub(super) const MONEY: Builtin = builtin("money", &[], 790, 791);
pub(super) const INET: Builtin = builtin("inet", &[], 869, 1041);
pub(super) const BPCHAR: Builtin = builtin("character", &["char", "bpchar"], 1042, 1014);
pub(super) const VARCHAR: Builtin = builtin("character varying", &["varchar"], 1043, 1015);
pub(super) const DATE: Builtin = builtin("date", &[], 1082, 1182);
pub(super) const TIME: Builtin = builtin("time without time zone", &["time"], 1083, 1183);
pub(super) const TIMESTAMP: Builtin = builtin("timestamp without time zone", &["timestamp"], 1114, 1115);
pub(super) const TIMESTAMPTZ: Builtin = builtin("timestamp with time zone", &["timestamptz"], 1184, 1185);
pub(super) const INTERVAL: Builtin = builtin("interval", &[], 1186, 1187);
pub(super) const NUMERIC: Builtin = builtin("numeric", &["decimal"], 1700, 1231);
pub(super) const TIMETZ: Builtin = builtin("time with time zone", &["timetz"], 1266, 1270);
pub(super) const BIT: Builtin = builtin("bit", &["\"bit\""], 1560, 1561);
pub(super) const VARBIT: Builtin = builtin("bit varying", &["varbit"], 1562, 1563);
pub(super) const UUID: Builtin = builtin("uuid", &[], 2950, 2951);
pub(super) const JSONB: Builtin = builtin("jsonb", &[], 3802, 3807);

/// All of them.
pub(super) static BUILTINS: [&Builtin; 30] = [
    &BOOL,
    &BYTEA,
    &CHAR,
    &NAME,
    &INT8,
    &INT2,
    &INT4,
    &TEXT,
    &OID,
    &TID,
    &JSON,
    &XML,
    &CIDR,
    &FLOAT4,
    &FLOAT8,
    &MONEY,
    &INET,
    &BPCHAR,
    &VARCHAR,
    &DATE,
    &TIME,
    &TIMESTAMP,
    &TIMESTAMPTZ,
    &INTERVAL,
    &NUMERIC,
    &TIMETZ,
    &BIT,
    &VARBIT,
    &UUID,
    &JSONB,
];

/// The built-in type with this object id.
pub(super) fn by_oid(oid: u32) -> Option<&'static Builtin> {
    BUILTINS.into_iter().find(|builtin| builtin.oid == oid)
}

impl Builtin {
    /// The type without modifiers. `numeric` is unlimited; the digits of `money` are those of most currencies.
    pub(super) fn plain(&self) -> PgType {
        PgType { kind: self.kind(), oid: self.oid, name: self.name.to_owned() }
    }

    fn kind(&self) -> Kind {
        match self.oid {
            16 => Kind::Bool,
            17 => Kind::Bytea,
            18 => Kind::Char,
            20 => Kind::Int8,
            21 => Kind::Int2,
            23 => Kind::Int4,
            26 => Kind::Oid,
            27 => Kind::Tid,
            114 => Kind::Json,
            650 => Kind::Inet { cidr: true },
            700 => Kind::Float4,
            701 => Kind::Float8,
            790 => Kind::Money { scale: 2 },
            869 => Kind::Inet { cidr: false },
            1082 => Kind::Date,
            1083 => Kind::Time,
            1114 => Kind::Timestamp,
            1184 => Kind::TimestampTz,
            1186 => Kind::Interval,
            1266 => Kind::TimeTz,
            1560 | 1562 => Kind::Bit,
            1700 => Kind::Numeric,
            2950 => Kind::Uuid,
            3802 => Kind::Jsonb,
            _ => Kind::Text,
        }
    }
}
