use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{Int64Array, RecordBatch, UInt64Array};
use async_trait::async_trait;
use etl_model::{Batch, PartitionId, Position};
use etl_sdk::{
    Chunk, ConnectorError, Decoded, Discovery, Fetched, PartitionInfo, PartitionReader, ReadOptions, Source,
    SourceCapabilities, conformance,
};

const RECORDS: u64 = 40;

/// What is wrong with a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Defect {
    None,
    NoReason,
    SameIds,
    OtherPartitionsLater,
    WrongCount,
    LeavesOutAfterSeek,
    RepeatsAfterSeek,
    OtherValuesAfterSeek,
    OrdinalsGoBack,
    EndMoves,
    LargePosition,
}

struct Numbers {
    defect: Defect,
    /// Discoveries so far, over all copies.
    discoveries: Arc<AtomicUsize>,
}

struct Reader {
    defect: Defect,
    next: u64,
    sought: bool,
    ended: bool,
    per_chunk: u64,
}

struct Numbered {
    defect: Defect,
    from: u64,
    to: u64,
    sought: bool,
}

#[async_trait]
impl Source for Numbers {
    fn capabilities(&self) -> SourceCapabilities {
        let replayable = self.defect != Defect::NoReason;
        SourceCapabilities { replayable, ordered: true, bounded: true, reason: None }
    }

    async fn check(&self) -> Result<(), ConnectorError> {
        Ok(())
    }

    async fn discover(&self, _: &[PartitionId]) -> Result<Discovery, ConnectorError> {
        let before = self.discoveries.fetch_add(1, Ordering::SeqCst);
        let partition = |name: &str| PartitionInfo {
            id: PartitionId(name.to_owned()),
            bytes: None,
            records: Some(if self.defect == Defect::WrongCount { 7 } else { RECORDS }),
        };
        let partitions = match self.defect {
            Defect::SameIds => vec![partition("a"), partition("a")],
            Defect::OtherPartitionsLater if before > 0 => vec![partition("b")],
            _ => vec![partition("a")],
        };
        Ok(Discovery { partitions, ..Discovery::default() })
    }

    async fn read(
        &self,
        _: &PartitionInfo,
        from: Option<&Position>,
        options: &ReadOptions,
    ) -> Result<Box<dyn PartitionReader>, ConnectorError> {
        let next = from.map_or(0, |position| position.next);
        let next = match self.defect {
            Defect::LeavesOutAfterSeek if next > 0 => next + 1,
            Defect::RepeatsAfterSeek if next > 0 => next - 1,
            _ => next,
        };
        let per_chunk = (options.chunk_bytes as u64 / 8).max(1);
        Ok(Box::new(Reader { defect: self.defect, next, sought: from.is_some(), ended: false, per_chunk }))
    }
}

fn position(next: u64, defect: Defect) -> Position {
    let cursor = match defect {
        Defect::LargePosition => "x".repeat(3000).into(),
        _ => serde_json::Value::Null,
    };
    Position { next, cursor }
}

#[async_trait]
impl PartitionReader for Reader {
    async fn next(&mut self) -> Result<Fetched, ConnectorError> {
        if self.next >= RECORDS {
            let moved =
                u64::from(self.defect == Defect::EndMoves && std::mem::replace(&mut self.ended, true));
            let sought = u64::from(self.defect == Defect::EndMoves && self.sought);
            return Ok(Fetched::End(position(RECORDS.max(self.next) + moved + sought, self.defect)));
        }
        let from = self.next;
        self.next += self.per_chunk.min(RECORDS.saturating_sub(from)).max(1);
        let chunk = Numbered { defect: self.defect, from, to: self.next, sought: self.sought };
        Ok(Fetched::Chunk(Box::new(chunk)))
    }
}

impl Chunk for Numbered {
    fn memory(&self) -> usize {
        8
    }

    fn source_bytes(&self) -> u64 {
        8 * (self.to - self.from)
    }

    fn end(&self) -> Position {
        position(self.to, self.defect)
    }

    fn decode(self: Box<Self>) -> Result<Decoded, ConnectorError> {
        let ordinals: Vec<u64> = match self.defect {
            Defect::OrdinalsGoBack => (self.from..self.to).rev().collect(),
            _ => (self.from..self.to).collect(),
        };
        let twist = i64::from(self.defect == Defect::OtherValuesAfterSeek && self.sought);
        let values = Int64Array::from_iter_values((self.from..self.to).map(|n| n as i64 + twist));
        let records = RecordBatch::try_from_iter([("n", Arc::new(values) as _)]).unwrap();
        let batch = Batch::new(records, UInt64Array::from(ordinals)).unwrap();
        Ok(Decoded { batches: vec![batch], errors: Vec::new() })
    }
}

async fn judged(defect: Defect) -> Result<conformance::SourceReport, conformance::Violation> {
    let discoveries = Arc::new(AtomicUsize::new(0));
    conformance::source(|| Arc::new(Numbers { defect, discoveries: discoveries.clone() })).await
}

#[tokio::test]
async fn an_honest_source_passes() {
    let report = judged(Defect::None).await.unwrap();
    assert_eq!((report.partitions, report.records), (1, RECORDS as usize));
    assert!(report.replays >= 20, "{report:?}");
}

#[tokio::test]
async fn every_defect_of_a_source_is_named() {
    let rest = "a read from a chunk's end yields exactly the rest";
    for (defect, rule) in [
        (Defect::NoReason, "a promise that is not given has a reason"),
        (Defect::SameIds, "partition ids are unique"),
        (Defect::OtherPartitionsLater, "partitions are the same at every discovery"),
        (Defect::WrongCount, "a known number of records is right"),
        (Defect::LeavesOutAfterSeek, rest),
        (Defect::OtherValuesAfterSeek, rest),
        (Defect::LargePosition, "a position fits in 1 KiB of JSON"),
    ] {
        assert_eq!(judged(defect).await.unwrap_err().rule, rule, "{defect:?}");
    }
    // These break several rules; which one is met first does not matter.
    for defect in [Defect::RepeatsAfterSeek, Defect::OrdinalsGoBack, Defect::EndMoves] {
        assert!(judged(defect).await.is_err(), "{defect:?}");
    }
}
