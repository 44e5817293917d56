use bytes::{BufMut, Bytes, BytesMut};

use super::frame::{COPY_DATA, Frame, HEADER_BYTES};

/// Whole rows of a COPY, one message each, headers included, as they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Segment {
    messages: Bytes,
    rows: usize,
    /// Where the last message begins, if that is known.
    last: Option<usize>,
    memory: usize,
}

impl Segment {
    /// Wraps messages of rows. `last` is where the last one begins, `memory` how many bytes their buffer occupies.
    pub(super) fn new(messages: Bytes, rows: usize, last: usize, memory: usize) -> Self {
        Self { messages, rows, last: Some(last), memory }
    }

    /// The messages.
    pub(crate) fn messages(&self) -> &[u8] {
        &self.messages
    }

    /// Number of messages.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of the messages' bodies.
    pub(crate) fn body_bytes(&self) -> usize {
        self.messages.len().saturating_sub(self.rows * HEADER_BYTES)
    }

    /// Bytes of memory that it occupies.
    pub(crate) fn memory(&self) -> usize {
        self.memory
    }

    /// The bodies of the messages.
    pub(crate) fn bodies(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest: &[u8] = &self.messages;
        std::iter::from_fn(move || Frame::cut(&mut rest))
    }

    /// The body of the last message.
    pub(crate) fn last(&self) -> Option<&[u8]> {
        match self.last {
            Some(last) => Frame::cut(&mut self.messages.get(last..)?),
            None => self.bodies().last(),
        }
    }

    /// Cuts off as few rows as have so many bytes of bodies together, and at least one; `None` in place of the rest
    /// when that is all of it.
    pub(crate) fn split(self, body_bytes: usize) -> (Self, Option<Self>) {
        let (mut rest, mut rows, mut begin, mut taken) = (self.messages(), 0, 0, 0);
        while let Some(body) = Frame::cut(&mut rest) {
            (rows, taken) = (rows + 1, taken + body.len());
            let end = self.messages.len() - rest.len();
            if taken >= body_bytes && !rest.is_empty() {
                let front = Self::new(self.messages.slice(..end), rows, begin, end);
                let back = Self {
                    messages: self.messages.slice(end..),
                    rows: self.rows - rows,
                    last: self.last.map(|last| last.saturating_sub(end)),
                    memory: self.memory.saturating_sub(end),
                };
                return (front, Some(back));
            }
            begin = end;
        }
        (self, None)
    }

    /// Without its last message.
    pub(crate) fn without_last(&self) -> Self {
        let whole = self.messages.len();
        let end = self.last().map_or(whole, |body| whole - body.len() - HEADER_BYTES);
        let (messages, rows) = (self.messages.slice(..end), self.rows.saturating_sub(1));
        // Which one is the last now would take a walk over all of them, and hardly anybody asks.
        Self { messages, rows, last: None, memory: self.memory }
    }

    /// Without the bytes that the first message's body begins with; `None` when it begins otherwise. A message of
    /// nothing else disappears.
    pub(crate) fn without_prefix(self, prefix: &[u8]) -> Option<Self> {
        let mut rest = self.messages();
        let row = Frame::cut(&mut rest)?.strip_prefix(prefix)?;
        let behind = self.messages.len() - rest.len();
        if row.is_empty() {
            let last = self.last.map(|last| last.saturating_sub(behind));
            let messages = self.messages.slice(behind..);
            return Some(Self { messages, rows: self.rows - 1, last, memory: self.memory });
        }
        let length = i32::try_from(row.len() + 4).ok()?;
        let (at, last) = (prefix.len(), self.last.map(|last| last.saturating_sub(prefix.len())));
        let (rows, memory) = (self.rows, self.memory);
        // The new header takes the place of the prefix's end, where the prefix is long enough; nobody else sees it.
        let mut messages = self.messages.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
        let header = messages.get_mut(at..at + HEADER_BYTES)?;
        let mut header: &mut [u8] = header;
        header.put_u8(COPY_DATA);
        header.put_i32(length);
        let messages = messages.freeze();
        Some(Self { messages: messages.slice(at..), rows, last, memory })
    }
}
