use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arrow::array::{RecordBatch, UInt64Array};
use async_trait::async_trait;
use etl_model::{Batch, PartitionId, Position, RecordError};
use etl_sdk::{
    Chunk, ConnectorError, Decoded, Descriptor, Discovery, Fetched, FieldError, PartitionInfo,
    PartitionReader, ReadOptions, Source, SourceCapabilities, SourceConnector,
};

/// A table whose content the test changes. Clones are the same.
#[derive(Clone, Default)]
pub struct Tables {
    pub content: Arc<Mutex<Vec<RecordBatch>>>,
    pub reads: Arc<AtomicUsize>,
    pub is_away: Arc<Mutex<bool>>,
}

impl SourceConnector for Tables {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "tables",
            summary: "",
            documentation: "",
            schema: schemars::Schema::default(),
            example: "",
        }
    }

    fn configure(&self, config: &serde_json::Value) -> Result<Arc<dyn Source>, Vec<FieldError>> {
        match config.get("wrong") {
            Some(_) => Err(vec![FieldError::new("wrong", "is wrong").at("wrong")]),
            None => Ok(Arc::new(self.clone())),
        }
    }
}

#[async_trait]
impl Source for Tables {
    fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities { replayable: true, ordered: true, bounded: true, reason: None }
    }

    async fn check(&self) -> Result<(), ConnectorError> {
        match *self.is_away.lock().unwrap() {
            true => Err(ConnectorError::transient("away", "the table is away")),
            false => Ok(()),
        }
    }

    async fn discover(&self, _: &[PartitionId]) -> Result<Discovery, ConnectorError> {
        let partition = PartitionInfo { id: PartitionId("all".to_owned()), bytes: None, records: None };
        Ok(Discovery { partitions: vec![partition], ..Discovery::default() })
    }

    async fn read(
        &self,
        _: &PartitionInfo,
        _: Option<&Position>,
        _: &ReadOptions,
    ) -> Result<Box<dyn PartitionReader>, ConnectorError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(Reader(self.content.lock().unwrap().clone())))
    }
}

struct Reader(Vec<RecordBatch>);

struct Piece(RecordBatch);

#[async_trait]
impl PartitionReader for Reader {
    async fn next(&mut self) -> Result<Fetched, ConnectorError> {
        if self.0.is_empty() {
            return Ok(Fetched::End(Position::start()));
        }
        Ok(Fetched::Chunk(Box::new(Piece(self.0.remove(0)))))
    }
}

impl Chunk for Piece {
    fn memory(&self) -> usize {
        0
    }

    fn source_bytes(&self) -> u64 {
        0
    }

    fn end(&self) -> Position {
        Position::start()
    }

    fn decode(self: Box<Self>) -> Result<Decoded, ConnectorError> {
        let ordinals = UInt64Array::from_iter_values(0..self.0.num_rows() as u64);
        let errors: Vec<RecordError> = Vec::new();
        Ok(Decoded { batches: vec![Batch::new(self.0, ordinals).unwrap()], errors })
    }
}
