use std::io;

use super::frame::{COPY_DATA, COPY_DONE, COPY_OUT, Frame, HEADER_BYTES, READY};

/// Bytes of a row that is larger than allowed which its reader gets to see.
const PREFIX: usize = 16 << 10;

/// What is to be done next with the bytes that were received and are not dealt with yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The client gets so many of them.
    Pass(usize),
    /// Nobody gets so many of them.
    Discard(usize),
    /// A COPY begins: [`Router::divert`] or [`Router::discard`] if it is somebody's, [`Router::pass`] if not.
    Begins,
    /// The reader gets what [`Router::take_run`] says.
    HandOver,
    /// The reader is told of the row at the front, which has so many bytes, and gets no more.
    TooLarge(usize),
    /// A COPY has ended well; [`Router::ended`].
    Ends,
    /// The request is over, well or not; [`Router::pass`].
    Over,
    /// More must be received; a buffer of so many bytes has room for what is needed at least.
    Receive(usize),
}

/// Whole rows at the front of what was received.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Run {
    /// Bytes of all of them.
    pub(super) bytes: usize,
    pub(super) rows: usize,
    /// Where the last one begins.
    pub(super) last: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Everything passes.
    Passing,
    /// Rows up to so many bytes are diverted.
    Diverting { limit: usize },
    /// Rows are thrown away: their reader is gone.
    Discarding,
}

/// Follows the messages of a server and decides where each goes. Does no IO and keeps no bytes.
///
/// From the first COPY of a request on until its end the rows are the reader's, and the messages before and behind
/// the rows of each COPY are nobody's.
#[derive(Debug)]
pub(super) struct Router {
    mode: Mode,
    /// Bytes of the message at the front that are still to come or to be dealt with.
    rest: usize,
    /// Whether they are thrown away.
    discard: bool,
    run: Run,
}

impl Router {
    pub(super) fn new() -> Self {
        Self { mode: Mode::Passing, rest: 0, discard: false, run: Run::default() }
    }

    /// The rows that [`Step::HandOver`] is about, which are about to be consumed.
    pub(super) fn take_run(&mut self) -> Run {
        std::mem::take(&mut self.run)
    }

    /// Whether rows are diverted.
    pub(super) fn is_diverting(&self) -> bool {
        matches!(self.mode, Mode::Diverting { .. })
    }

    /// What to do with `bytes`, which is what was received and not consumed. `full` says that little more fits into
    /// the buffer behind them.
    ///
    /// # Errors
    /// When a row's header is none.
    pub(super) fn step(&mut self, bytes: &[u8], full: bool) -> io::Result<Step> {
        if self.rest > 0 {
            return Ok(self.rest(bytes.len()));
        }
        if let Mode::Diverting { limit } = self.mode {
            return self.divert_rows(bytes, limit, full);
        }
        let Some(frame) = Frame::at(bytes) else { return Ok(Step::Receive(HEADER_BYTES)) };
        Ok(match (self.mode, frame.tag) {
            (Mode::Passing, COPY_OUT) => Step::Begins,
            (Mode::Discarding, READY) => Step::Over,
            (Mode::Discarding, COPY_OUT | COPY_DATA | COPY_DONE) => self.enter(frame, bytes.len(), true),
            _ => self.enter(frame, bytes.len(), false),
        })
    }

    fn divert_rows(&mut self, bytes: &[u8], limit: usize, full: bool) -> io::Result<Step> {
        let largest = limit.saturating_add(HEADER_BYTES);
        let mut rest = bytes.get(self.run.bytes..).unwrap_or_default();
        loop {
            let frame = Frame::at(rest);
            if let Some(frame) = frame
                && frame.tag == COPY_DATA
            {
                if frame.bytes < HEADER_BYTES {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "a message of the COPY is shorter than its header",
                    ));
                }
                if frame.bytes <= largest
                    && let Some(behind) = rest.get(frame.bytes..)
                {
                    self.run.last = self.run.bytes;
                    self.run.bytes += frame.bytes;
                    self.run.rows += 1;
                    rest = behind;
                    continue;
                }
            }
            return Ok(self.behind_the_run(frame, rest.len(), largest, full));
        }
    }

    /// What to do at the end of the whole rows. `frame` stands behind them, `received` bytes from there on are here.
    fn behind_the_run(&mut self, frame: Option<Frame>, received: usize, largest: usize, full: bool) -> Step {
        let any = self.run.rows > 0;
        match frame {
            Some(frame) if frame.tag != COPY_DATA => match frame.tag {
                _ if any => Step::HandOver,
                COPY_OUT => self.enter(frame, received, true),
                COPY_DONE => Step::Ends,
                READY => Step::Over,
                _ => self.enter(frame, received, false),
            },
            Some(frame) if frame.bytes > largest => {
                let shown = frame.bytes.min(PREFIX);
                if any {
                    Step::HandOver
                } else if received < shown {
                    Step::Receive(shown)
                } else {
                    Step::TooLarge(frame.bytes - HEADER_BYTES)
                }
            }
            _ if any && full => Step::HandOver,
            // What fits is received first: whole rows are not moved for the sake of one that is not.
            _ if any => Step::Receive(0),
            Some(frame) => Step::Receive(frame.bytes),
            None => Step::Receive(HEADER_BYTES),
        }
    }

    /// Notes that bytes of [`Step::Pass`] or [`Step::Discard`] were consumed.
    pub(super) fn consumed(&mut self, bytes: usize) {
        self.rest = self.rest.saturating_sub(bytes);
    }

    /// The rows of the request that a COPY begins in go to a reader. `begin` is the message at the front.
    pub(super) fn divert(&mut self, limit: usize, begin: &[u8]) {
        self.mode = Mode::Diverting { limit };
        self.drop_message(begin);
    }

    /// Nobody wants the rows of this request any more.
    pub(super) fn discard(&mut self) {
        self.mode = Mode::Discarding;
        self.run = Run::default();
    }

    /// The COPY that the message at the front ends was noted.
    pub(super) fn ended(&mut self, end: &[u8]) {
        self.drop_message(end);
    }

    /// The message at the front passes, as all from now on.
    pub(super) fn pass(&mut self, bytes: &[u8]) {
        self.mode = Mode::Passing;
        if let Some(frame) = Frame::at(bytes) {
            self.enter(frame, bytes.len(), false);
        }
    }

    fn drop_message(&mut self, bytes: &[u8]) {
        if let Some(frame) = Frame::at(bytes) {
            self.enter(frame, bytes.len(), true);
        }
    }

    /// Begins to deal with the message at the front, of which so many bytes were received.
    fn enter(&mut self, frame: Frame, received: usize, discard: bool) -> Step {
        // A header that is none passes as far as it goes: the client says what is wrong with it.
        (self.rest, self.discard) = (frame.bytes.max(HEADER_BYTES), discard);
        self.rest(received)
    }

    fn rest(&self, received: usize) -> Step {
        match self.rest.min(received) {
            0 => Step::Receive(1),
            length if self.discard => Step::Discard(length),
            length => Step::Pass(length),
        }
    }
}
