use arrow::array::Array;
use arrow::array::cast::AsArray;
use arrow::array::types::{
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use arrow::datatypes::TimeUnit;
use chrono::{DateTime, Datelike, Timelike};

/// Writes timestamps as RFC 3339: in UTC with `Z` where the column has a zone, without offset where it has none.
pub(super) struct Instants<'a> {
    values: &'a [i64],
    unit: TimeUnit,
    zoned: bool,
}

impl<'a> Instants<'a> {
    /// `array` is a timestamp array of that unit.
    pub fn new(array: &'a dyn Array, unit: TimeUnit, zoned: bool) -> Self {
        let values: &[i64] = match unit {
            TimeUnit::Second => array.as_primitive::<TimestampSecondType>().values(),
            TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().values(),
            TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().values(),
            TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().values(),
        };
        Self { values, unit, zoned }
    }

    /// Appends the timestamp in quotes, or returns its number if its year has not four digits.
    pub fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), i64> {
        let value = self.values.get(row).copied().unwrap_or_default();
        let (per_second, places) = match self.unit {
            TimeUnit::Second => (1, 0),
            TimeUnit::Millisecond => (1_000, 3),
            TimeUnit::Microsecond => (1_000_000, 6),
            TimeUnit::Nanosecond => (1_000_000_000, 9),
        };
        let (seconds, fraction) = (value.div_euclid(per_second), value.rem_euclid(per_second));
        let at = DateTime::from_timestamp(seconds, 0).ok_or(value)?.naive_utc();
        let year = u32::try_from(at.year()).ok().filter(|year| *year <= 9999).ok_or(value)?;
        out.push(b'"');
        digits(out, year.into(), 4);
        for (mark, number) in [
            (b'-', at.month()),
            (b'-', at.day()),
            (b'T', at.hour()),
            (b':', at.minute()),
            (b':', at.second()),
        ] {
            out.push(mark);
            digits(out, number.into(), 2);
        }
        if fraction != 0 {
            out.push(b'.');
            digits(out, fraction.unsigned_abs(), places);
            while out.pop_if(|digit| *digit == b'0').is_some() {}
        }
        out.extend_from_slice(if self.zoned { b"Z\"".as_slice() } else { b"\"" });
        Ok(())
    }
}

fn digits(out: &mut Vec<u8>, value: u64, places: u32) {
    for place in (0..places).rev() {
        out.push(b'0' + (value / 10u64.pow(place) % 10) as u8);
    }
}
