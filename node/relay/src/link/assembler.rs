use bytes::Bytes;
use etl_model::TraceContext;
use etl_proto::relay::{Frame, Kind};

use super::frame::counted;
use crate::RelayError;

/// A call, rows or an answer: one frame, or several joined.
#[derive(Debug)]
pub(crate) struct Message {
    pub kind: Kind,
    pub call: u64,
    pub body: Bytes,
    /// What has caused it, when its trace is kept.
    pub cause: Option<TraceContext>,
}

/// What has caused a frame. One that cannot be read is none: traces are not worth a channel.
fn cause(frame: &Frame) -> Option<TraceContext> {
    if frame.traceparent.is_empty() { None } else { frame.traceparent.parse().ok() }
}

/// Joins the frames of a long body.
pub(crate) struct Assembler {
    limit: usize,
    begun: Option<Message>,
    joined: Vec<u8>,
}

impl Assembler {
    /// For bodies of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, begun: None, joined: Vec::new() }
    }

    /// Adds the next frame; yields the message that it ends.
    pub fn add(&mut self, frame: Frame) -> Result<Option<Message>, RelayError> {
        let (kind, _) = counted(&frame)?;
        match &self.begun {
            Some(begun) if (begun.kind, begun.call) != (kind, frame.call) => {
                return Err(RelayError::Kind { kind: frame.kind, place: "inside the body of another" });
            }
            Some(_) => {}
            None if !frame.more && frame.body.len() <= self.limit => {
                let cause = cause(&frame);
                return Ok(Some(Message { kind, call: frame.call, body: frame.body, cause }));
            }
            None => {
                let cause = cause(&frame);
                self.begun = Some(Message { kind, call: frame.call, body: Bytes::new(), cause });
            }
        }
        let found = self.joined.len() + frame.body.len();
        if found > self.limit {
            let (found, limit) = (found as u64, self.limit as u64);
            return Err(RelayError::Oversize { what: "a body", found, limit });
        }
        self.joined.extend_from_slice(&frame.body);
        if frame.more {
            return Ok(None);
        }
        let body = Bytes::from(std::mem::take(&mut self.joined));
        Ok(self.begun.take().map(|message| Message { body, ..message }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn frame(kind: Kind, call: u64, more: bool, body: &'static [u8]) -> Frame {
        Frame { kind: kind.into(), call, more, body: Bytes::from_static(body), ..Frame::default() }
    }

    #[test]
    fn a_long_body_is_joined() {
        let mut assembler = Assembler::new(6);
        assert!(assembler.add(frame(Kind::Rows, 0, true, b"ab")).unwrap().is_none());
        assert!(assembler.add(frame(Kind::Rows, 0, true, b"cd")).unwrap().is_none());
        assert_eq!(assembler.add(frame(Kind::Rows, 0, false, b"ef")).unwrap().unwrap().body, "abcdef");
        assert_eq!(assembler.add(frame(Kind::Stage, 1, false, b"")).unwrap().unwrap().kind, Kind::Stage);
    }

    #[test]
    fn a_body_that_another_interrupts_or_that_is_too_long_is_refused() {
        let mut assembler = Assembler::new(3);
        assembler.add(frame(Kind::Process, 7, true, b"ab")).unwrap();
        assert!(matches!(assembler.add(frame(Kind::Process, 8, false, b"")), Err(RelayError::Kind { .. })));
        let too_long = RelayError::Oversize { what: "a body", found: 4, limit: 3 };
        assert_eq!(assembler.add(frame(Kind::Process, 7, false, b"cd")).unwrap_err(), too_long);
        assert!(Assembler::new(3).add(frame(Kind::Rows, 0, false, b"abcd")).is_err());
    }
}
