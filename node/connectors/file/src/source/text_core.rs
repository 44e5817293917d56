use std::sync::Arc;

use etl_formats::{FormatError, Splitter};
use etl_model::Position;
use etl_sdk::{ConnectorError, Fetched, ReadOptions};
use xxhash_rust::xxh3::Xxh3;

use super::chunk::{TextChunk, TextDecoder};
use super::cursor::Cursor;
use super::framing::TextKind;
use super::input::Input;
use super::prefix::Place;
use super::reader::ReadCore;
use crate::error::FileError;

/// Cuts a text file into chunks of whole records.
pub struct TextCore {
    input: Input,
    splitter: Box<dyn Splitter>,
    decoder: Arc<TextDecoder>,
    /// Bytes read and not handed out; the next record begins at `begin`.
    buffer: Vec<u8>,
    begin: usize,
    offset: u64,
    line: u64,
    /// Line at which the splitter began; it counts from 1 there.
    first_line: u64,
    hash: Xxh3,
    /// Bytes of the stored file that chunks handed out stand for.
    reported: u64,
    chunk_bytes: usize,
    max_record_bytes: usize,
    ended: bool,
}

impl TextCore {
    /// A reader at a place of the input. `resumed`: the place is behind the first record.
    pub fn new(
        input: Input,
        kind: &TextKind,
        decoder: Arc<TextDecoder>,
        place: Place,
        resumed: bool,
        options: &ReadOptions,
    ) -> Self {
        let Place { rest, offset, line, hash } = place;
        let begin = if resumed { 0 } else { usize::try_from(offset).unwrap_or(usize::MAX).min(rest.len()) };
        let reported = if resumed { input.compressed_bytes().unwrap_or(offset) } else { 0 };
        let max_record_bytes = options.max_record_bytes.max(1);
        Self {
            splitter: kind.splitter(resumed),
            decoder,
            buffer: rest,
            begin,
            offset,
            line,
            first_line: line,
            hash,
            reported,
            // No chunk that holds whole records is larger than a record may be, so no larger record slips through.
            chunk_bytes: options.chunk_bytes.clamp(1, max_record_bytes),
            max_record_bytes,
            ended: false,
            input,
        }
    }

    fn position(&self) -> Position {
        Cursor::position(self.offset, self.hash.digest(), self.line, self.input.stamp())
    }

    fn step(&mut self) -> Result<Fetched, FileError> {
        let mut wanted = self.chunk_bytes;
        while !self.ended {
            self.input.fill(&mut self.buffer, self.begin.saturating_add(wanted))?;
            let at_end = self.input.at_end();
            let data = &self.buffer[self.begin..];
            if data.is_empty() && self.offset == 0 {
                break;
            }
            let length = self.splitter.split(data, at_end).map_err(|error| self.in_file(error))?;
            let is_blank = data[..length].iter().all(|byte| matches!(byte, b'\n' | b'\r'));
            self.ended = at_end && length == data.len();
            if is_blank && length > 0 {
                // Blank lines hold no record, and a chunk must.
                self.advance(length);
                self.buffer.drain(..self.begin + length);
                self.begin = 0;
                continue;
            }
            if self.ended && length == 0 {
                break;
            }
            if length > 0 {
                return Ok(Fetched::Chunk(self.cut(length)));
            }
            if at_end {
                let message =
                    format!("{}: {} bytes at its end are no record", self.input.path().display(), data.len());
                return Err(FileError::Internal(message));
            }
            if data.len() > self.max_record_bytes {
                return Err(self.record_too_large());
            }
            wanted = wanted.saturating_mul(2).min(self.max_record_bytes.saturating_add(1));
        }
        self.ended = true;
        Ok(Fetched::End(self.position()))
    }

    fn advance(&mut self, length: usize) {
        let data = &self.buffer[self.begin..self.begin + length];
        self.hash.update(data);
        self.line += memchr::memchr_iter(b'\n', data).count() as u64;
        self.offset += length as u64;
    }

    /// Hands out the first `length` bytes at `begin`; only what is behind them is copied.
    fn cut(&mut self, length: usize) -> Box<TextChunk> {
        let (offset, line, begin) = (self.offset, self.line, self.begin);
        self.advance(length);
        let end = begin + length;
        let tail = &self.buffer[end..];
        let mut next = Vec::with_capacity(self.chunk_bytes.max(tail.len()));
        next.extend_from_slice(tail);
        let mut bytes = std::mem::replace(&mut self.buffer, next);
        bytes.truncate(end);
        self.begin = 0;
        let consumed = self.input.compressed_bytes().unwrap_or(self.offset);
        let source_bytes = consumed.saturating_sub(self.reported);
        self.reported = consumed;
        let decoder = Arc::clone(&self.decoder);
        Box::new(TextChunk { bytes, begin, offset, line, source_bytes, end: self.position(), decoder })
    }

    fn record_too_large(&self) -> FileError {
        FileError::user(
            "record_too_large",
            format!(
                "{}, line {}: the record that begins here is larger than {} bytes",
                self.input.path().display(),
                self.line,
                self.max_record_bytes
            ),
            "check that quotes are closed there, or allow larger records",
        )
    }

    /// Counts lines from the beginning of the file instead of the splitter's.
    fn in_file(&self, error: FormatError) -> FileError {
        let error = match error {
            FormatError::Truncated { line, what } => {
                FormatError::Truncated { line: self.first_line + line - 1, what }
            }
            other => other,
        };
        FileError::format(self.input.path())(error)
    }
}

impl ReadCore for TextCore {
    fn next(&mut self) -> Result<Fetched, ConnectorError> {
        Ok(self.step()?)
    }
}
