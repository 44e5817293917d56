use std::collections::VecDeque;

use bytes::Bytes;
use etl_model::TraceContext;
use etl_proto::relay::{Frame, Kind};

use super::frame::weight;
use crate::RelayError;
use crate::meter::METER;

/// Frames that the other side has not acknowledged, in their order, and how far the present stream has got with them.
pub(super) struct Outbox {
    epoch: u64,
    frames: VecDeque<Kept>,
    /// The number of the first frame kept.
    first: u64,
    /// How many of them the present stream has sent.
    sent: usize,
    /// Bytes of all frames since the beginning.
    end: u64,
    /// Bytes granted since the beginning.
    granted: u64,
    /// Bytes kept.
    held: u64,
    /// What was told to be kept, and to be granted and not used.
    told: (u64, u64),
}

struct Kept {
    frame: Frame,
    /// Bytes of all frames up to and with this one.
    end: u64,
}

impl Outbox {
    pub fn new(epoch: u64) -> Self {
        Self { epoch, frames: VecDeque::new(), first: 1, sent: 0, end: 0, granted: 0, held: 0, told: (0, 0) }
    }

    fn next_seq(&self) -> u64 {
        self.first + self.frames.len() as u64
    }

    /// Appends a frame, caused by a span where its trace is kept.
    pub fn push(&mut self, kind: Kind, call: u64, more: bool, body: Bytes, cause: Option<TraceContext>) {
        let weight = weight(&body);
        self.end += weight;
        self.held += weight;
        let seq = self.next_seq();
        let traceparent = cause.map_or_else(String::new, |cause| cause.to_string());
        let (epoch, kind) = (self.epoch, kind.into());
        let frame = Frame { epoch, seq, kind, traceparent, call, more, body, ..Frame::default() };
        self.frames.push_back(Kept { frame, end: self.end });
        self.tell();
    }

    /// Bytes that the present stream may still send.
    fn credit(&self) -> u64 {
        let used = match self.sent.checked_sub(1) {
            Some(last) => self.frames.get(last).map_or(self.end, |kept| kept.end),
            None => self.end - self.held,
        };
        self.granted.saturating_sub(used)
    }

    /// Tells how what is kept and what may be sent have changed.
    fn tell(&mut self) {
        let now = (self.held, self.credit());
        let before = std::mem::replace(&mut self.told, now);
        METER.changed(now.0 as i64 - before.0 as i64, now.1 as i64 - before.1 as i64);
    }

    /// Bytes of the body of the next frame, if that is granted.
    pub fn next_body(&self) -> Option<usize> {
        let kept = self.frames.get(self.sent).filter(|kept| kept.end <= self.granted)?;
        Some(kept.frame.body.len())
    }

    /// The next frame for the present stream, if it is granted.
    pub fn next(&mut self) -> Option<Frame> {
        let kept = self.frames.get(self.sent).filter(|kept| kept.end <= self.granted)?;
        self.sent += 1;
        METER.sent(kept.frame.body.len());
        let frame = kept.frame.clone();
        self.tell();
        Some(frame)
    }

    /// Lets go of what the other side has. An acknowledgement that an older stream has delayed changes nothing.
    pub fn acknowledged(&mut self, expected: u64) -> Result<(), RelayError> {
        if expected > self.next_seq() {
            return Err(self.beyond(expected));
        }
        while self.first < expected {
            let Some(kept) = self.frames.pop_front() else { break };
            self.held -= weight(&kept.frame.body);
            self.first += 1;
            self.sent = self.sent.saturating_sub(1);
        }
        self.tell();
        Ok(())
    }

    fn beyond(&self, expected: u64) -> RelayError {
        RelayError::Acknowledgement { expected, first: self.first, next: self.next_seq() }
    }

    /// Raises the grant; an older one changes nothing.
    pub fn credited(&mut self, granted: u64) {
        self.granted = self.granted.max(granted);
        self.tell();
    }

    /// Begins again on a new stream with the frame that the other side expects.
    pub fn restart(&mut self, expected: u64) -> Result<(), RelayError> {
        if expected < self.first {
            return Err(self.beyond(expected));
        }
        self.acknowledged(expected)?;
        METER.resent(self.sent);
        self.sent = 0;
        self.tell();
        Ok(())
    }

    /// The number of the first frame that is not acknowledged.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Bytes kept.
    pub fn held(&self) -> u64 {
        self.held
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        let (kept, credit) = self.told;
        METER.changed(-(kept as i64), -(credit as i64));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn outbox(frames: usize) -> Outbox {
        let mut outbox = Outbox::new(3);
        for call in 0..frames as u64 {
            outbox.push(Kind::Rows, call, false, Bytes::from_static(&[0; 36]), None);
        }
        outbox
    }

    fn sent(outbox: &mut Outbox) -> Vec<u64> {
        std::iter::from_fn(|| outbox.next()).map(|frame| frame.seq).collect()
    }

    #[test]
    fn only_what_is_granted_leaves() {
        let mut outbox = outbox(4);
        assert_eq!(sent(&mut outbox), [] as [u64; 0]);
        outbox.credited(250);
        assert_eq!(sent(&mut outbox), [1, 2]);
        outbox.credited(100);
        outbox.credited(300);
        assert_eq!(sent(&mut outbox), [3]);
    }

    #[test]
    fn a_new_stream_begins_where_the_other_side_is() {
        let mut outbox = outbox(4);
        outbox.credited(1000);
        assert_eq!(sent(&mut outbox), [1, 2, 3, 4]);
        outbox.restart(3).unwrap();
        assert_eq!((sent(&mut outbox), outbox.held()), (vec![3, 4], 200));
        outbox.acknowledged(2).unwrap();
        outbox.acknowledged(5).unwrap();
        assert_eq!((outbox.held(), outbox.next()), (0, None));
        assert!(outbox.restart(3).is_err(), "frame 3 is gone");
    }

    #[test]
    fn what_may_be_sent_is_what_is_granted_and_not_used() {
        let mut outbox = outbox(4);
        assert_eq!((outbox.credit(), outbox.told), (0, (400, 0)));
        outbox.credited(350);
        assert_eq!(outbox.told, (400, 350));
        sent(&mut outbox);
        assert_eq!(outbox.told, (400, 50));
        outbox.acknowledged(3).unwrap();
        assert_eq!(outbox.told, (200, 50));
        outbox.restart(3).unwrap();
        assert_eq!(outbox.told, (200, 150), "the third is sent once more");
        outbox.credited(1000);
        sent(&mut outbox);
        outbox.acknowledged(5).unwrap();
        assert_eq!(outbox.told, (0, 600));
    }

    #[test]
    fn nothing_is_acknowledged_that_was_not_sent() {
        let expected = RelayError::Acknowledgement { expected: 6, first: 1, next: 5 };
        assert_eq!(outbox(4).acknowledged(6), Err(expected));
    }
}
