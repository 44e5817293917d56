use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// The bucket that the workflow's filter removes.
pub const FILTERED_BUCKET: i64 = 3;
/// The price that a SQLite destination refuses by a constraint.
pub const REFUSED_PRICE: f64 = -1.0;

/// What a record was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Nothing is wrong with it.
    Plain,
    /// The filter removes it.
    Filtered,
    /// A source that can hold malformed records holds it in malformed form.
    Malformed,
    /// The mapping divides by its zero.
    Uncomputable,
    /// A destination with a constraint refuses it.
    Refused,
}

/// A numbered input record, the same for the same seed, partition and number.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub p: i64,
    pub i: i64,
    pub class: Class,
    pub text: String,
    pub note: Option<String>,
    pub price: f64,
    pub flag: bool,
    pub bucket: i64,
    pub divisor: i64,
    pub checksum: String,
}

/// Text that breaks readers which cut corners.
const WORDS: &[&str] = &[
    "plain",
    "com,ma",
    "semi;colon",
    "\"quoted\"",
    "two\nlines",
    "carriage\r\nreturn",
    "tab\there",
    "back\\slash",
    "naïve",
    "日本語",
    "🦀",
    "'single'",
    "{\"json\":1}",
    "\u{202e}rtl",
    "null",
    "NaN",
    "1e5",
    "  spaces  ",
    "\\N",
    "=1+1",
];

impl Record {
    /// The record `i` of partition `p`.
    pub fn generate(seed: u64, p: i64, i: i64) -> Self {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&p.to_le_bytes());
        key[8..].copy_from_slice(&i.to_le_bytes());
        let mut random = fastrand::Rng::with_seed(xxh3_64_with_seed(&key, seed));
        let class = match random.u32(0..1000) {
            0..100 => Class::Filtered,
            100..105 => Class::Malformed,
            105..110 => Class::Uncomputable,
            110..115 => Class::Refused,
            _ => Class::Plain,
        };
        let bucket = match (class, random.i64(0..10)) {
            (Class::Filtered, _) => FILTERED_BUCKET,
            (_, FILTERED_BUCKET) => FILTERED_BUCKET + 1,
            (_, bucket) => bucket,
        };
        let price = match (class, random.i64(-1_000_000_000..1_000_000_000)) {
            (Class::Refused, _) => REFUSED_PRICE,
            (_, thousandths) if thousandths as f64 / 1000.0 == REFUSED_PRICE => 0.5,
            (_, thousandths) => thousandths as f64 / 1000.0,
        };
        let divisor = if class == Class::Uncomputable { 0 } else { random.i64(1..50) };
        let mut text = match class {
            Class::Plain | Class::Filtered => format!("t{i}"),
            _ => format!("dead-{p}-{i};"),
        };
        let words = if random.u32(0..1000) == 0 { 600 } else { random.usize(0..12) };
        for _ in 0..words {
            text.push(' ');
            text.push_str(random.choice(WORDS).copied().unwrap_or_default());
        }
        let note = (random.u32(0..7) > 0).then(|| format!("note {}", random.u32(..)));
        let flag = random.bool();
        let canonical = format!("{p}|{i}|{text}|{note:?}|{}|{flag}|{bucket}|{divisor}", price.to_bits());
        let checksum = format!("{:016x}", xxh3_64(canonical.as_bytes()));
        Self { p, i, class, text, note, price, flag, bucket, divisor, checksum }
    }
}

/// The records of one run's input.
#[derive(Debug)]
pub struct DataSet {
    /// Per partition, in order.
    pub partitions: Vec<Vec<Record>>,
}

impl DataSet {
    /// `partitions` times `rows` records.
    pub fn generate(seed: u64, partitions: usize, rows: usize) -> Self {
        let partition = |p| (0..rows as i64).map(|i| Record::generate(seed, p, i)).collect();
        Self { partitions: (0..partitions as i64).map(partition).collect() }
    }

    /// All records, partition by partition.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.partitions.iter().flatten()
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.partitions.iter().map(|partition| partition.len() as u64).sum()
    }

    /// The record of these numbers.
    pub fn get(&self, p: i64, i: i64) -> Option<&Record> {
        self.partitions.get(usize::try_from(p).ok()?)?.get(usize::try_from(i).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_reproducible_and_of_every_class() {
        let data = DataSet::generate(7, 2, 5_000);
        assert_eq!(data.get(1, 4_999), Some(&Record::generate(7, 1, 4_999)));
        assert_ne!(Record::generate(8, 1, 4).checksum, Record::generate(7, 1, 4).checksum);
        for class in [Class::Plain, Class::Filtered, Class::Malformed, Class::Uncomputable, Class::Refused] {
            assert!(data.records().any(|record| record.class == class), "{class:?}");
        }
        assert_eq!(data.get(2, 0), None);
        assert_eq!(data.get(0, -1), None);
    }
}
