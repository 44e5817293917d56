use bytes::Bytes;
use etl_sdk::ReadOptions;

use crate::PostgresError;
use crate::connection::Session;
use crate::copy::{HEADER, TRAILER};
use crate::wire::{CopyOut, Item, Segment, Terms};

/// Bytes of a piece of rows at most, and the part of a chunk that it should be, as its divisor.
const PIECE: usize = 256 << 10;
const PIECES: usize = 4;

/// The rows of one or more COPYs, without what precedes the first and follows the last of each.
pub(super) struct Rows {
    copy: CopyOut,
    /// For messages.
    place: String,
    /// What was received and not taken.
    rest: Option<Segment>,
    /// Which part of a COPY has come.
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Its header is still to come.
    Begun,
    /// Rows are.
    Rows,
    /// Its trailer has come.
    Over,
    /// No COPY must be asked for any more.
    Ended,
}

/// What comes next.
pub(super) enum Next {
    /// Rows, at least one.
    Rows(Segment),
    /// Nothing more of this COPY, all of whose rows have come.
    CopyEnds,
    /// A row of so many bytes, which are too many, and what it begins with.
    TooLarge(usize, Bytes),
    /// Nothing any more.
    End,
}

impl Rows {
    /// Sends COPYs to the server, separated by semicolons, whose rows are wanted in chunks.
    pub(super) async fn begin(
        session: &Session,
        sql: &str,
        place: &str,
        options: &ReadOptions,
    ) -> Result<Self, PostgresError> {
        // The first row comes in one message with the header.
        let limit = options.max_record_bytes.saturating_add(HEADER.len());
        let piece = (options.chunk_bytes / PIECES).min(PIECE);
        let copy = session.copy_out(sql, Terms { limit, piece }).await?;
        Ok(Self { copy, place: place.to_owned(), rest: None, phase: Phase::Begun })
    }

    /// What comes next; rows not many more than `bytes`.
    pub(super) async fn next(&mut self, bytes: usize) -> Result<Next, PostgresError> {
        let segment = match self.rest.take() {
            Some(segment) => segment,
            None => match self.received().await? {
                Next::Rows(segment) => segment,
                other => return Ok(other),
            },
        };
        if segment.body_bytes() <= bytes.saturating_add(bytes / 8) {
            return Ok(Next::Rows(segment));
        }
        let (rows, rest) = segment.split(bytes);
        self.rest = rest;
        Ok(Next::Rows(rows))
    }

    async fn received(&mut self) -> Result<Next, PostgresError> {
        while self.phase != Phase::Ended {
            match self.copy.next().await {
                Some(Ok(Item::Rows(segment))) => {
                    let segment = self.bare(segment)?;
                    if segment.rows() > 0 {
                        return Ok(Next::Rows(segment));
                    }
                }
                Some(Ok(Item::End)) => {
                    if self.phase != Phase::Over {
                        return Err(broken(&self.place, "it ended without its trailer"));
                    }
                    self.phase = Phase::Begun;
                    return Ok(Next::CopyEnds);
                }
                Some(Ok(Item::TooLarge { bytes, prefix })) => {
                    let with_header = self.phase == Phase::Begun;
                    self.phase = Phase::Ended;
                    return Ok(match prefix.strip_prefix(&HEADER) {
                        Some(row) if with_header => {
                            Next::TooLarge(bytes - HEADER.len(), prefix.slice_ref(row))
                        }
                        _ => Next::TooLarge(bytes, prefix),
                    });
                }
                Some(Err(error)) => {
                    self.phase = Phase::Ended;
                    return Err(error.at(&self.place));
                }
                None if self.phase == Phase::Begun => self.phase = Phase::Ended,
                None => return Err(broken(&self.place, "it did not end")),
            }
        }
        Ok(Next::End)
    }

    /// Removes header and trailer.
    fn bare(&mut self, mut segment: Segment) -> Result<Segment, PostgresError> {
        if self.phase == Phase::Over {
            return Err(broken(&self.place, "rows follow its trailer"));
        }
        if self.phase == Phase::Begun {
            let bare = segment.without_prefix(&HEADER);
            segment = bare.ok_or_else(|| broken(&self.place, "its header is not known"))?;
            self.phase = Phase::Rows;
        }
        if segment.last() == Some(&TRAILER) {
            self.phase = Phase::Over;
            segment = segment.without_last();
        }
        Ok(segment)
    }
}

/// The error for data that no server sends.
pub(super) fn broken(place: &str, what: &str) -> PostgresError {
    PostgresError::Transient {
        code: "copy_broken",
        message: format!("{place}: the server's COPY cannot be read: {what}"),
    }
}
