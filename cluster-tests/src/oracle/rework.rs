use super::process::permits;

/// What a run without faults shows of a cell's chunks and rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    /// Partitions that the source reads side by side.
    pub parts: u64,
    /// Records of the input.
    pub records: u64,
    /// Chunks in which the source delivers all of them.
    pub chunks: u64,
    /// Bytes that the rows for the destination occupy, all together.
    pub bytes_written: u64,
}

/// The records that a part of the source may have to fetch again, derived from what the node may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rework {
    parts: u64,
    /// Records of a chunk.
    pub per_chunk: u64,
    /// Records that may have been fetched and not written yet.
    pub ahead: u64,
}

impl Rework {
    /// A chunk keeps as many bytes of its partition's permits as its rows occupy, until the destination has written
    /// them, and more before; nothing is fetched beyond the permits. So it is the permits that bound what is on its
    /// way, and not a number of chunks: a source that is faster than the destination fills them.
    pub fn of(measure: &Measure) -> Self {
        let Measure { parts, records, chunks, bytes_written } = *measure;
        let ahead = permits(parts).saturating_mul(records).div_ceil(bytes_written.max(1));
        Self { per_chunk: records.div_ceil(chunks.max(1)), ahead: ahead.min(records), parts }
    }

    /// Records that so many chunks hold.
    pub fn records(&self, chunks: u64) -> u64 {
        chunks.saturating_mul(self.per_chunk)
    }

    /// The most records that a process may have fetched beyond those that were not committed when it began, when its
    /// chains were opened again so many times. Every time that is the open unit and what was on its way behind it.
    /// Wherever reading begins or ends a chunk is a part of one, so that counting in chunks is wrong by one there: for
    /// each part, and for each time.
    pub fn allowed(&self, reopened: u64, largest_unit: u64) -> u64 {
        let again = largest_unit.saturating_add(self.ahead).saturating_add(self.records(2));
        self.parts.saturating_mul(self.records(2)).saturating_add(reopened.saturating_mul(again))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hundred bytes a row, and chunks of a thousand rows.
    const MEASURE: Measure = Measure { parts: 2, records: 100_000, chunks: 100, bytes_written: 10_000_000 };

    #[test]
    fn what_is_on_its_way_is_what_the_permits_hold() {
        let rework = Rework::of(&MEASURE);
        assert_eq!(rework, Rework { parts: 2, per_chunk: 1_000, ahead: permits(2).div_ceil(100) });
        // Smaller chunks are more of them: the same records are on their way.
        assert_eq!(Rework::of(&Measure { chunks: 1_000, ..MEASURE }).ahead, rework.ahead);
        // Never more than there are, also where nothing is written.
        assert_eq!(Rework::of(&Measure { bytes_written: 0, chunks: 0, ..MEASURE }).ahead, 100_000);
    }

    /// Measured: a table of 100,000 rows with a key, whose output was locked until everything stood still, and all
    /// connections ended then, was fetched in 155 chunks instead of 130.
    #[test]
    fn a_source_that_waits_for_its_destination_may_fill_the_permits() {
        let measure = Measure { parts: 2, records: 100_000, chunks: 130, bytes_written: 19_555_580 };
        let rework = Rework::of(&measure);
        let again = rework.records(155 - 130);
        let allowed = rework.allowed(2, rework.per_chunk);
        assert!((again..2 * again).contains(&allowed), "{again} {allowed}");
    }

    #[test]
    fn a_source_that_begins_anew_is_seen() {
        let rework = Rework::of(&MEASURE);
        // Two parts that end in a part of a chunk, and go on without having been disturbed.
        assert_eq!(rework.allowed(0, 0), 4_000);
        let once = rework.allowed(2, 3_000);
        assert!((2 * (3_000 + rework.ahead)..100_000).contains(&once), "{once}");
        assert_eq!(rework.allowed(3, 3_000) - once, 3_000 + rework.ahead + 2_000);
    }
}
