use arrow::datatypes::{DataType, TimeUnit};

/// How the values of a type look in binary COPY (the output of its `typsend` function), and which Arrow type holds them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// 1 byte, 0 or 1.
    Bool,
    /// `int2`: 2 bytes.
    Int2,
    /// `int4`: 4 bytes.
    Int4,
    /// `int8`: 8 bytes.
    Int8,
    /// `oid`: 4 bytes, unsigned.
    Oid,
    /// `float4`: 4 bytes.
    Float4,
    /// `float8`: 8 bytes.
    Float8,
    /// `numeric(precision, scale)` with 1 <= precision <= 76 and 0 <= scale <= precision: decimal columns.
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits behind the point.
        scale: i8,
    },
    /// Every other `numeric`: text with all its digits, `NaN`, `Infinity`, `-Infinity`.
    Numeric,
    /// `money`: 8 bytes counting the smallest unit of the currency; a decimal with this many digits behind the point.
    Money {
        /// Digits behind the point.
        scale: i8,
    },
    /// UTF-8 text: `text varchar bpchar name xml citext unknown`, enums, and every type that is read through `::text`.
    Text,
    /// `"char"`: one byte.
    Char,
    /// Bytes as they are.
    Bytea,
    /// Days since 2000-01-01 (4 bytes); `infinity` is the largest, `-infinity` the smallest number on both sides.
    Date,
    /// Microseconds since midnight (8 bytes), up to and including 24:00:00.
    Time,
    /// Microseconds since midnight (8 bytes) and seconds west of UTC (4 bytes); text `12:34:56.789+02:00`.
    TimeTz,
    /// Microseconds since 2000-01-01 (8 bytes); `infinity` is the largest, `-infinity` the smallest number on both
    /// sides.
    Timestamp,
    /// The same in UTC.
    TimestampTz,
    /// Microseconds (8 bytes), days (4 bytes), months (4 bytes); text in ISO 8601, such as `P1Y2M3DT4H5M6.5S`.
    Interval,
    /// 16 bytes; text with hyphens.
    Uuid,
    /// JSON text as it was stored.
    Json,
    /// A version byte (1), then JSON text.
    Jsonb,
    /// `inet` and `cidr`; text as PostgreSQL writes it.
    Inet {
        /// Whether it is `cidr`, which always shows its prefix length.
        cidr: bool,
    },
    /// `bit` and `varbit`: a bit count (4 bytes), then bits; text of `0` and `1`.
    Bit,
    /// `tid`, the place of a row version: block (4 bytes) and offset (2 bytes); ascending as `block << 16 | offset`.
    Tid,
    /// Number of dimensions, null flag, element type, per dimension length and lower bound, then elements with lengths
    /// (4 bytes each). Nested lists; a value with another number of dimensions than declared, or a lower bound
    /// other than 1, is a fault of its row.
    Array {
        /// The type of the elements, never an array itself.
        element: Box<PgType>,
        /// Declared dimensions, at least 1.
        dimensions: u8,
    },
}

/// A type as the catalogue describes it; domains are resolved to their base type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PgType {
    /// Its binary form.
    pub kind: Kind,
    /// Its object id; goes into the header of arrays.
    pub oid: u32,
    /// As `format_type` writes it, with modifiers and, where needed, its schema: `numeric(12,2)`, `app.mood`.
    pub name: String,
}

impl Kind {
    /// The Arrow type of its values.
    pub fn arrow(&self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int2 => DataType::Int16,
            Self::Int4 => DataType::Int32,
            Self::Int8 => DataType::Int64,
            Self::Oid => DataType::UInt32,
            Self::Tid => DataType::UInt64,
            Self::Float4 => DataType::Float32,
            Self::Float8 => DataType::Float64,
            Self::Decimal { precision, scale } if *precision <= 38 => {
                DataType::Decimal128(*precision, *scale)
            }
            Self::Decimal { precision, scale } => DataType::Decimal256(*precision, *scale),
            Self::Money { scale } => DataType::Decimal128(19, *scale),
            Self::Bytea => DataType::Binary,
            Self::Date => DataType::Date32,
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Numeric
            | Self::Text
            | Self::Char
            | Self::TimeTz
            | Self::Interval
            | Self::Uuid
            | Self::Json
            | Self::Jsonb
            | Self::Inet { .. }
            | Self::Bit => DataType::Utf8,
            Self::Array { element, dimensions } => {
                let mut inner = element.kind.arrow();
                for _ in 0..*dimensions {
                    inner = DataType::new_list(inner, true);
                }
                inner
            }
        }
    }
}
