use arrow::array::RecordBatch;
use etl_model::Position;
use serde_json::Value;

use super::violation::{OrViolation, Violation, ensure};
use crate::{Chunk, Fetched, PartitionInfo, PartitionReader, ReadOptions, Source};

/// One record as read: its ordinal, and its values or its error.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    pub(super) ordinal: u64,
    pub(super) value: Value,
}

/// What one pass over a partition yielded.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// All records in order.
    pub(super) records: Vec<Seen>,
    /// The end of every chunk, and the number of records before it.
    pub(super) ends: Vec<(Position, usize)>,
    /// The end of the partition, unless the reading was cut off.
    pub(super) end: Option<Position>,
}

/// How much of a partition one pass reads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// Chunks at most. A chunk holds at least one record, so this many hold as many records.
    pub(super) chunks: usize,
    /// Bytes of the source after which the pass is cut off, for sources without an end.
    pub(super) bytes: u64,
}

/// Reads a partition from a position to its end or as far as the extent says, and checks every chunk on the way.
///
/// Chunks are decoded only after all were fetched, the last one first: decoding must not depend on order or reader.
pub(super) async fn read(
    source: &dyn Source,
    partition: &PartitionInfo,
    from: Option<&Position>,
    chunk_bytes: usize,
    extent: Extent,
) -> Result<Reading, Violation> {
    let options = ReadOptions { chunk_bytes, max_record_bytes: 16 << 20 };
    let mut reader = source
        .read(partition, from, &options)
        .await
        .or_violation("a partition opens at its own positions")?;
    let (chunks, end) = fetch(reader.as_mut(), extent).await?;
    let mut ends: Vec<Position> = chunks.iter().map(|chunk| chunk.end()).collect();
    ends.extend(end.clone());
    check_positions(from, &ends)?;

    let mut parts = Vec::with_capacity(chunks.len());
    for chunk in chunks.into_iter().rev() {
        let chunk_end = chunk.end();
        parts.push((chunk_end, decode(chunk)?));
    }
    let mut reading = Reading { end, ..Reading::default() };
    let mut covered = from.map_or(0, |position| position.next);
    for (chunk_end, records) in parts.into_iter().rev() {
        for record in &records {
            ensure(
                record.ordinal >= covered && chunk_end.covers(record.ordinal),
                "a chunk holds the records between the position before it and its end",
                || format!("ordinal {} outside {covered}..{}", record.ordinal, chunk_end.next),
            )?;
        }
        covered = chunk_end.next;
        reading.records.extend(records);
        reading.ends.push((chunk_end, reading.records.len()));
    }
    Ok(reading)
}

async fn fetch(
    reader: &mut dyn PartitionReader,
    extent: Extent,
) -> Result<(Vec<Box<dyn Chunk>>, Option<Position>), Violation> {
    let mut chunks = Vec::new();
    let mut bytes = 0;
    while chunks.len() < extent.chunks && bytes < extent.bytes {
        match reader.next().await.or_violation("a partition can be read to its end")? {
            Fetched::Chunk(chunk) => {
                let end = chunk.end();
                bytes += chunk.source_bytes();
                chunks.push(chunk);
                for _ in 0..2 {
                    let done = reader.acknowledge(&end).await;
                    done.or_violation("a position may be acknowledged twice")?;
                }
            }
            Fetched::Idle(pause) => tokio::time::sleep(pause).await,
            Fetched::End(position) => return Ok((chunks, Some(position))),
        }
    }
    Ok((chunks, None))
}

fn check_positions(from: Option<&Position>, ends: &[Position]) -> Result<(), Violation> {
    let mut before = from.map(|position| position.next);
    for (i, position) in ends.iter().enumerate() {
        // The end of the partition may repeat the last chunk's, or the place where an empty reading began.
        let last = i + 1 == ends.len();
        ensure(
            before.is_none_or(|before| before < position.next || (last && before == position.next)),
            "positions ascend strictly",
            || format!("{} after {before:?}", position.next),
        )?;
        before = Some(position.next);
        let text = serde_json::to_string(position)
            .map_err(|error| Violation::new("a position can be stored as JSON", error.to_string()))?;
        ensure(text.len() <= 1024, "a position fits in 1 KiB of JSON", || text.clone())?;
        let back: Option<Position> = serde_json::from_str(&text).ok();
        ensure(back.as_ref() == Some(position), "a position survives JSON", || text.clone())?;
    }
    Ok(())
}

fn decode(chunk: Box<dyn Chunk>) -> Result<Vec<Seen>, Violation> {
    let decoded = chunk.decode().or_violation("a chunk can be decoded")?;
    let mut records = Vec::new();
    for batch in &decoded.batches {
        let values = rows(batch.records())?;
        let ordinals = batch.ordinals().values();
        ensure(
            ordinals.first().zip(records.last()).is_none_or(|(next, last): (_, &Seen)| last.ordinal < *next),
            "batches of a chunk follow one another in the order of ordinals",
            || format!("{:?} after {:?}", ordinals.first(), records.last()),
        )?;
        records.extend(ordinals.iter().zip(values).map(|(&ordinal, value)| Seen { ordinal, value }));
    }
    for error in &decoded.errors {
        ensure(
            !error.code.is_empty() && !error.message.is_empty(),
            "a record error has a code and a message",
            || format!("{error:?}"),
        )?;
        let value = serde_json::to_value(error)
            .map_err(|e| Violation::new("a record error can be stored as JSON", e.to_string()))?;
        records.push(Seen { ordinal: error.ordinal, value });
    }
    records.sort_by_key(|record| record.ordinal);
    ensure(!records.is_empty(), "a chunk holds at least one record", || "an empty one".to_owned())?;
    for pair in records.windows(2) {
        if let [a, b] = pair {
            ensure(a.ordinal < b.ordinal, "a record has an ordinal of its own", || {
                format!("{} twice: {} and {}", a.ordinal, a.value, b.value)
            })?;
        }
    }
    Ok(records)
}

/// The rows as JSON objects. Null fields are left out: batches may differ in their columns.
fn rows(batch: &RecordBatch) -> Result<Vec<Value>, Violation> {
    const RULE: &str = "records consist of types that can be shown as JSON";
    let mut writer = arrow::json::ArrayWriter::new(Vec::new());
    let written = writer.write(batch).and_then(|()| writer.finish());
    written.map_err(|error| Violation::new(RULE, error.to_string()))?;
    let text = writer.into_inner();
    if batch.num_rows() == 0 {
        return Ok(Vec::new());
    }
    let values: Vec<Value> =
        serde_json::from_slice(&text).map_err(|error| Violation::new(RULE, error.to_string()))?;
    ensure(values.len() == batch.num_rows(), RULE, || format!("{} of {}", values.len(), batch.num_rows()))?;
    Ok(values)
}
