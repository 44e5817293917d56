use std::collections::BTreeSet;
use std::sync::Arc;

use super::reading::{Extent, Reading, Seen, read};
use super::violation::{OrViolation, Violation, ensure};
use crate::{Discovery, PartitionInfo, Source};

/// Chunks of a partition that are looked at; enough for every fixture.
const LIMIT: usize = 4000;
/// How much of a source without an end is looked at.
const ENDLESS: Extent = Extent { chunks: 300, bytes: 64 << 10 };
/// Size of chunks that hold all of a fixture or much of it; small enough for a source without an end.
const LARGE_CHUNK: usize = 32 << 10;
/// Chunk ends from which a partition is read again.
const REPLAYS: usize = 24;

/// What a source was seen to do; lets a test require that its fixture shows what it was made for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SourceReport {
    /// Partitions found.
    pub partitions: usize,
    /// Records read in one pass, malformed ones included.
    pub records: usize,
    /// Places from which the rest was read again and compared.
    pub replays: usize,
}

/// Runs all rules of a source. `make` returns the same configured source every time it is called (as another process
/// would configure it); its data must not change meanwhile and should hold between 8 and 4000 records.
///
/// The rules: honest capabilities; the same partitions and records on every read; ordinals and positions that ascend
/// strictly; positions of at most 1 KiB; a read from any chunk's end yields exactly the rest, with the same ordinals
/// and values, whatever the size of chunks; the end covers everything and nothing follows it; acknowledging twice is
/// harmless. Sources that are not replayable are held to one pass only.
pub async fn source(make: impl Fn() -> Arc<dyn Source>) -> Result<SourceReport, Violation> {
    let source = make();
    let capabilities = source.capabilities();
    ensure(
        (capabilities.replayable && capabilities.ordered) || capabilities.reason.is_some(),
        "a promise that is not given has a reason",
        || format!("{capabilities:?}"),
    )?;
    source.check().await.or_violation("a source that can be read passes its check")?;
    let found = discover(source.as_ref()).await?;
    if capabilities.replayable {
        let again = discover(make().as_ref()).await?;
        ensure(found.partitions == again.partitions, "partitions are the same at every discovery", || {
            format!("{:?} and {:?}", found.partitions, again.partitions)
        })?;
    }
    let extent = if capabilities.bounded { Extent { chunks: LIMIT, bytes: u64::MAX } } else { ENDLESS };
    let mut report = SourceReport { partitions: found.partitions.len(), ..SourceReport::default() };
    for partition in &found.partitions {
        let first = read(source.as_ref(), partition, None, 1, extent).await?;
        report.records += first.records.len();
        ensure(
            first.end.is_some() || !capabilities.bounded || first.records.len() >= LIMIT,
            "a bounded partition ends",
            || partition.id.to_string(),
        )?;
        if let (Some(records), Some(_)) = (partition.records, &first.end) {
            ensure(first.records.len() as u64 == records, "a known number of records is right", || {
                format!("{} instead of {records}", first.records.len())
            })?;
        }
        if capabilities.replayable {
            report.replays += replay(&make, partition, &first, extent).await?;
        }
    }
    ensure(report.records >= 8, "the fixture holds at least 8 records", || format!("{report:?}"))?;
    Ok(report)
}

async fn discover(source: &dyn Source) -> Result<Discovery, Violation> {
    let found = source.discover(&[]).await.or_violation("partitions can be discovered")?;
    let ids: BTreeSet<_> = found.partitions.iter().map(|partition| &partition.id).collect();
    ensure(ids.len() == found.partitions.len(), "partition ids are unique", || {
        format!("{:?}", found.partitions)
    })?;
    Ok(found)
}

async fn replay(
    make: &impl Fn() -> Arc<dyn Source>,
    partition: &PartitionInfo,
    first: &Reading,
    extent: Extent,
) -> Result<usize, Violation> {
    for chunk_bytes in [1, 300, LARGE_CHUNK] {
        let again = read(make().as_ref(), partition, None, chunk_bytes, extent).await?;
        same(
            "every read yields the same, whatever the size of chunks",
            &first.records,
            &again.records,
            first,
        )?;
    }
    let step = first.ends.len().div_ceil(REPLAYS).max(1);
    let mut replays = 0;
    for (position, before) in first.ends.iter().step_by(step) {
        for chunk_bytes in [1, LARGE_CHUNK] {
            let rest = read(make().as_ref(), partition, Some(position), chunk_bytes, extent).await?;
            let expected = first.records.get(*before..).unwrap_or_default();
            same("a read from a chunk's end yields exactly the rest", expected, &rest.records, first)?;
            replays += 1;
        }
    }
    let Some(end) = &first.end else { return Ok(replays) };
    ensure(
        first.records.last().is_none_or(|last| end.covers(last.ordinal)),
        "the end of a partition covers all its records",
        || end.to_string(),
    )?;
    let after = read(make().as_ref(), partition, Some(end), 1, extent).await?;
    ensure(after.records.is_empty(), "nothing follows the end", || format!("{:?}", after.records.first()))?;
    ensure(after.end.as_ref().map(|again| again.next) == Some(end.next), "the end stays the end", || {
        format!("{:?} instead of {end:?}", after.end)
    })?;
    Ok(replays + 1)
}

/// Compares two readings; one that was cut off at the limit counts as far as it goes.
fn same(rule: &'static str, expected: &[Seen], got: &[Seen], first: &Reading) -> Result<(), Violation> {
    let length =
        if first.end.is_some() { expected.len().max(got.len()) } else { expected.len().min(got.len()) };
    for i in 0..length {
        let (a, b) = (expected.get(i), got.get(i));
        ensure(a == b, rule, || format!("record {i}: {a:?} became {b:?}"))?;
    }
    Ok(())
}
