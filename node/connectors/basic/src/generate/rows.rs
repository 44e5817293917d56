use std::ops::Range;
use std::sync::{Arc, LazyLock};

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use etl_model::Batch;

use super::random::SplitMix;
use crate::BasicError;

/// Bytes counted for a record without padding.
pub(super) const BASE_ROW_BYTES: u64 = 64;

/// 2024-01-01T00:00:00Z in seconds.
const EPOCH: i64 = 1_704_067_200;
/// `created_at` starts over after this many seconds (a hundred years), so that it never leaves the calendar.
const SPAN: u64 = 100 * 365 * 86_400;
const UTC: &str = "+00:00";

const FIRST_NAMES: &[&str] = &[
    "Ada",
    "Björn",
    "Chiara",
    "Daniel",
    "Élodie",
    "Fatima",
    "Grace",
    "Hiroshi",
    "Ingrid",
    "José",
    "Katarzyna",
    "Liam",
    "Mei",
    "Noah",
    "Olga",
    "Priya",
    "Quentin",
    "Renée",
    "Søren",
    "Tariq",
    "Uma",
    "Victor",
    "Wei",
    "Zoë",
];
const LAST_NAMES: &[&str] = &[
    "Almeida", "Bauer", "Chen", "Dubois", "Eriksen", "Fischer", "García", "Hansen", "Ivanova", "Jansen",
    "Kowalski", "Lopez", "Müller", "Nguyen", "O'Brien", "Petrov", "Rossi", "Sato", "Tanaka", "Ünal",
    "Virtanen", "Weber",
];
const COUNTRIES: &[&str] =
    &["AT", "BR", "CH", "CN", "DE", "DK", "ES", "FR", "GB", "IN", "IT", "JP", "NL", "NO", "PL", "SE", "US"];

static PLAIN: LazyLock<SchemaRef> = LazyLock::new(|| Arc::new(Schema::new(fields())));
static PADDED: LazyLock<SchemaRef> = LazyLock::new(|| {
    let mut fields = fields();
    fields.push(Field::new("padding", DataType::Utf8, false));
    Arc::new(Schema::new(fields))
});

fn fields() -> Vec<Field> {
    vec![
        Field::new("id", DataType::Int64, false),
        Field::new("name", DataType::Utf8, false),
        Field::new("amount", DataType::Float64, false),
        Field::new("country", DataType::Utf8, false),
        Field::new("created_at", DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())), false),
        Field::new("active", DataType::Boolean, false),
    ]
}

/// The columns, with or without padding.
pub(super) fn schema(padded: bool) -> SchemaRef {
    if padded { PADDED.clone() } else { PLAIN.clone() }
}

/// Which ids a partition holds: record `ordinal` has the id `first + ordinal * step`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbering {
    pub(super) first: u64,
    pub(super) step: u64,
}

/// The records of a range of ordinals.
pub(super) fn batch(
    ordinals: Range<u64>,
    numbering: Numbering,
    seed: u64,
    row_bytes: Option<u64>,
) -> Result<Batch, BasicError> {
    let rows = usize::try_from(ordinals.end.saturating_sub(ordinals.start))
        .map_err(|_| BasicError::Impossible("a chunk of more rows than memory".to_owned()))?;
    let mut ids = Int64Builder::with_capacity(rows);
    let mut names = StringBuilder::with_capacity(rows, rows * 16);
    let mut amounts = Float64Builder::with_capacity(rows);
    let mut countries = StringBuilder::with_capacity(rows, rows * 2);
    let mut times = TimestampMicrosecondBuilder::with_capacity(rows).with_timezone(UTC);
    let mut active = BooleanBuilder::with_capacity(rows);
    let padding_bytes = row_bytes.map(|bytes| bytes.saturating_sub(BASE_ROW_BYTES) as usize);
    let mut padding = StringBuilder::new();
    let mut name = String::new();
    let mut text = String::new();
    for ordinal in ordinals.clone() {
        let id = ordinal
            .checked_mul(numbering.step)
            .and_then(|offset| offset.checked_add(numbering.first))
            .and_then(|id| i64::try_from(id).ok())
            .ok_or_else(|| BasicError::Impossible("ids beyond 64 bits".to_owned()))?;
        let mut random = SplitMix::of_record(seed, id as u64);
        ids.append_value(id);
        name.clear();
        name.push_str(random.pick(FIRST_NAMES));
        name.push(' ');
        name.push_str(random.pick(LAST_NAMES));
        names.append_value(&name);
        amounts.append_value(random.below(1_000_000) as f64 / 100.0);
        countries.append_value(random.pick(COUNTRIES));
        let seconds = EPOCH + (id as u64 % SPAN) as i64;
        times.append_value(seconds * 1_000_000 + random.below(1_000_000) as i64);
        active.append_value(random.below(4) != 0);
        if let Some(bytes) = padding_bytes {
            fill(&mut random, bytes, &mut text);
            padding.append_value(&text);
        }
    }
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(ids.finish()),
        Arc::new(names.finish()),
        Arc::new(amounts.finish()),
        Arc::new(countries.finish()),
        Arc::new(times.finish()),
        Arc::new(active.finish()),
    ];
    if padding_bytes.is_some() {
        columns.push(Arc::new(padding.finish()));
    }
    let records = RecordBatch::try_new(schema(padding_bytes.is_some()), columns)
        .map_err(|error| BasicError::Impossible(error.to_string()))?;
    Batch::new(records, UInt64Array::from_iter_values(ordinals))
        .map_err(|error| BasicError::Impossible(error.to_string()))
}

/// Random letters, digits, `-` and `_`.
fn fill(random: &mut SplitMix, bytes: usize, text: &mut String) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    text.clear();
    text.reserve(bytes);
    while text.len() < bytes {
        let mut bits = random.next();
        for _ in 0..(bytes - text.len()).min(10) {
            text.push(char::from(LETTERS[(bits & 63) as usize])); // 6 bits index 64 letters
            bits >>= 6;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::Int64Type;

    use super::*;

    const ALL: Numbering = Numbering { first: 0, step: 1 };

    #[test]
    fn a_record_depends_on_seed_and_id_alone() {
        let whole = batch(0..100, ALL, 7, None).unwrap();
        let part = batch(40..60, ALL, 7, None).unwrap();
        assert_eq!(whole.slice(40, 20), part);
        let shifted = batch(0..20, Numbering { first: 40, step: 1 }, 7, None).unwrap();
        assert_eq!(shifted.records(), part.records());
        assert_ne!(batch(0..100, ALL, 8, None).unwrap().records(), whole.records());
    }

    #[test]
    fn interleaved_ids_do_not_overlap() {
        let odd = batch(0..5, Numbering { first: 1, step: 2 }, 0, None).unwrap();
        let ids = odd.records().column(0).as_primitive::<Int64Type>().values().to_vec();
        assert_eq!(ids, [1, 3, 5, 7, 9]);
    }

    #[test]
    fn padding_fills_a_record_to_its_size() {
        for bytes in [64, 65, 1000, 1_000_000] {
            let padded = batch(0..2, ALL, 0, Some(bytes)).unwrap();
            let padding = padded.records().column_by_name("padding").unwrap().as_string::<i32>();
            assert_eq!(padding.value(1).len() as u64, bytes - BASE_ROW_BYTES);
        }
    }

    #[test]
    fn ids_beyond_64_bits_are_an_error() {
        let end = Numbering { first: i64::MAX as u64, step: 1 };
        assert_eq!(batch(0..1, end, 0, None).unwrap().len(), 1);
        assert!(batch(0..2, end, 0, None).is_err());
    }
}
