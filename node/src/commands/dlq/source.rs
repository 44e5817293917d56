use std::collections::VecDeque;

use etl_engine::DeadLetter;
use etl_model::{PartitionId, Position};
use etl_sdk::{
    Chunk, ConnectorError, Decoded, Discovery, Fetched, PartitionInfo, PartitionReader, ReadOptions, Source,
    SourceCapabilities, blocking,
};
use futures::future::BoxFuture;

use super::group::Group;
use super::record::{Numbered, decoded};

/// Letters of a chunk.
const LETTERS: usize = 1000;

/// Dead letters as the source of a replay: a partition for each group, in which a letter's number is its ordinal.
pub(super) struct LetterSource {
    pub groups: Vec<Group>,
}

impl LetterSource {
    fn group(&self, partition: &PartitionId) -> Result<Group, ConnectorError> {
        let found = self.groups.iter().find(|group| group.partition() == *partition);
        found.cloned().ok_or_else(|| ConnectorError::internal(format!("there are no letters {partition}")))
    }
}

// What `async_trait` makes of the methods.
impl Source for LetterSource {
    fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities { replayable: true, ordered: true, bounded: true, reason: None }
    }

    fn is_local(&self) -> bool {
        true
    }

    fn check<'s, 'f>(&'s self) -> BoxFuture<'f, Result<(), ConnectorError>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(async { Ok(()) })
    }

    fn discover<'s, 'k, 'f>(
        &'s self,
        _: &'k [PartitionId],
    ) -> BoxFuture<'f, Result<Discovery, ConnectorError>>
    where
        's: 'f,
        'k: 'f,
        Self: 'f,
    {
        let info = |group: &Group| PartitionInfo {
            id: group.partition(),
            bytes: None,
            records: Some(group.letters),
        };
        let partitions = self.groups.iter().map(info).collect();
        Box::pin(async { Ok(Discovery { partitions, ..Discovery::default() }) })
    }

    fn read<'s, 'p, 'o, 'r, 'f>(
        &'s self,
        partition: &'p PartitionInfo,
        from: Option<&'o Position>,
        _: &'r ReadOptions,
    ) -> BoxFuture<'f, Result<Box<dyn PartitionReader>, ConnectorError>>
    where
        's: 'f,
        'p: 'f,
        'o: 'f,
        'r: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            let group = self.group(&partition.id)?;
            let next = from.map_or(0, |position| position.next);
            let left = VecDeque::from(group.files.clone());
            Ok(Box::new(LetterReader { group, left, seen: 0, next, waiting: VecDeque::new() })
                as Box<dyn PartitionReader>)
        })
    }
}

struct LetterReader {
    group: Group,
    /// Files that have not been read.
    left: VecDeque<etl_state::LetterFile>,
    /// Letters of the files that have been read.
    seen: u64,
    /// The number of the first letter that has not been given out.
    next: u64,
    waiting: VecDeque<Numbered>,
}

impl LetterReader {
    async fn fill(&mut self) -> Result<(), ConnectorError> {
        while self.waiting.len() < LETTERS
            && let Some(file) = self.left.pop_front()
        {
            let read = blocking(move || {
                let unreadable = |error: etl_state::StateError| ConnectorError::User {
                    code: "dead_letters",
                    message: error.to_string(),
                    help: error.help().unwrap_or_default(),
                };
                file.read().map_err(unreadable)
            });
            for letter in read.await?.into_iter().filter(|letter: &DeadLetter| self.group.has(letter)) {
                if self.seen >= self.next {
                    self.waiting.push_back((self.seen, letter));
                }
                self.seen += 1;
            }
        }
        Ok(())
    }
}

impl PartitionReader for LetterReader {
    fn next<'s, 'f>(&'s mut self) -> BoxFuture<'f, Result<Fetched, ConnectorError>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            self.fill().await?;
            let count = self.waiting.len().min(LETTERS);
            let letters: Vec<Numbered> = self.waiting.drain(..count).collect();
            self.next = letters.last().map_or(self.next, |(number, _)| number + 1);
            let end = Position { next: self.next, cursor: serde_json::Value::Null };
            Ok(match letters.is_empty() {
                true => Fetched::End(end),
                false => Fetched::Chunk(Box::new(LetterChunk { letters, end })),
            })
        })
    }
}

struct LetterChunk {
    letters: Vec<Numbered>,
    end: Position,
}

impl Chunk for LetterChunk {
    fn memory(&self) -> usize {
        // Roughly: a letter is a line of JSON.
        self.letters.len() * size_of::<Numbered>() * 4
    }

    fn source_bytes(&self) -> u64 {
        0
    }

    fn end(&self) -> Position {
        self.end.clone()
    }

    fn decode(self: Box<Self>) -> Result<Decoded, ConnectorError> {
        decoded(&self.letters)
    }
}
