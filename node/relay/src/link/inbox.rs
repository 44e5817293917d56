use std::collections::VecDeque;

use etl_proto::relay::Frame;

use super::frame::{FRAME_BODY, weight};
use crate::RelayError;
use crate::meter::METER;

/// Frames that have come and wait to be worked on, and what the other side may still send.
pub(super) struct Inbox {
    /// The number of the next frame.
    expected: u64,
    /// Bytes received since the beginning.
    received: u64,
    /// Bytes worked off since the beginning.
    released: u64,
    /// Bytes that may be waiting at once.
    window: u64,
    queue: VecDeque<Frame>,
}

impl Inbox {
    pub fn new(window: u64) -> Self {
        Self { expected: 1, received: 0, released: 0, window, queue: VecDeque::new() }
    }

    /// Takes a frame in. One that was there before is dropped.
    pub fn accept(&mut self, frame: Frame) -> Result<(), RelayError> {
        if frame.body.len() > FRAME_BODY {
            let (found, limit) = (frame.body.len() as u64, FRAME_BODY as u64);
            return Err(RelayError::Oversize { what: "a frame", found, limit });
        }
        if frame.seq < self.expected && frame.seq > 0 {
            return Ok(());
        }
        if frame.seq != self.expected {
            return Err(RelayError::Gap { expected: self.expected, found: frame.seq });
        }
        let (sent, granted) = (self.received + weight(&frame.body), self.granted());
        if sent > granted {
            return Err(RelayError::Overrun { sent, granted });
        }
        self.received = sent;
        self.expected += 1;
        METER.received(frame.body.len());
        self.queue.push_back(frame);
        Ok(())
    }

    /// The next frame, without taking it.
    pub fn peek(&self) -> Option<&Frame> {
        self.queue.front()
    }

    /// The next frame. It keeps counting until it is released.
    pub fn take(&mut self) -> Option<Frame> {
        self.queue.pop_front()
    }

    /// Lets the other side send so many bytes more.
    pub fn release(&mut self, bytes: u64) {
        self.released = (self.released + bytes).min(self.received);
    }

    /// Bytes granted since the beginning.
    pub fn granted(&self) -> u64 {
        self.released + self.window
    }

    /// The number of the next frame.
    pub fn expected(&self) -> u64 {
        self.expected
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn frame(seq: u64, body: usize) -> Frame {
        Frame { seq, body: Bytes::from(vec![0; body]), ..Frame::default() }
    }

    #[test]
    fn duplicates_are_dropped_and_gaps_refused() {
        let mut inbox = Inbox::new(10_000);
        for seq in [1, 2, 1, 2, 3, 3] {
            inbox.accept(frame(seq, 1)).unwrap();
        }
        assert_eq!(std::iter::from_fn(|| inbox.take()).count(), 3);
        assert_eq!(inbox.accept(frame(5, 1)), Err(RelayError::Gap { expected: 4, found: 5 }));
        assert_eq!(inbox.accept(frame(0, 1)), Err(RelayError::Gap { expected: 4, found: 0 }));
    }

    #[test]
    fn what_is_not_released_is_not_granted_again() {
        let mut inbox = Inbox::new(200);
        inbox.accept(frame(1, 36)).unwrap();
        inbox.accept(frame(2, 36)).unwrap();
        assert!(inbox.take().is_some());
        assert_eq!(inbox.accept(frame(3, 36)), Err(RelayError::Overrun { sent: 300, granted: 200 }));
        inbox.release(100);
        inbox.accept(frame(3, 36)).unwrap();
        inbox.release(1000);
        assert_eq!(inbox.granted(), 500, "no more than has come");
    }

    #[test]
    fn an_oversize_body_is_refused() {
        let found = Inbox::new(1 << 30).accept(frame(1, FRAME_BODY + 1));
        assert!(matches!(found, Err(RelayError::Oversize { .. })));
    }
}
