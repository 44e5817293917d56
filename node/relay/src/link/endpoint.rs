use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use etl_proto::relay::{Frame, Kind};
use etl_sdk::ConnectorError;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::assembler::{Assembler, Message};
use super::frame::{FRAME_BODY, counted, uncounted, weight};
use super::inbox::Inbox;
use super::outbox::Outbox;
use crate::RelayError;

/// Bytes of a body whose frame tells nothing beside it: what follows the body on the wire would have its buffer, which is as
/// large as the body, made anew. What is to be told goes ahead of it.
const LARGE_BODY: usize = 32 << 10;

/// One end of a channel. It outlives the streams that carry it, of which the newest counts.
pub(crate) struct Link {
    epoch: u64,
    window: u64,
    state: Mutex<State>,
    /// Something can be sent, or the stream is not the newest any more.
    outgoing: Notify,
    /// Something has come, or there is room for more.
    progress: Notify,
    /// The channel has ended.
    over: CancellationToken,
}

struct State {
    outbox: Outbox,
    inbox: Inbox,
    assembler: Assembler,
    end: Option<End>,
    /// The newest stream; 0 before the first.
    stream: u64,
    /// Cancelled when a newer stream is attached.
    replaced: CancellationToken,
    /// Acknowledgement and credit that the newest stream has told last.
    told: Option<(u64, u64)>,
}

/// How a channel has ended.
struct End {
    error: ConnectorError,
    /// The body of the frame that tells the other side; none if the other side knows.
    farewell: Option<Bytes>,
    /// Whether the newest stream has told it.
    told: bool,
}

/// A stream that carries a channel.
#[derive(Clone)]
pub(crate) struct Attached {
    stream: u64,
    /// Cancelled when a newer stream takes over.
    pub replaced: CancellationToken,
}

impl Link {
    /// `window` bytes may wait on each side; a body has at most `max_body` bytes.
    pub fn new(epoch: u64, window: usize, max_body: usize) -> Self {
        let state = State {
            outbox: Outbox::new(epoch),
            inbox: Inbox::new(window as u64),
            assembler: Assembler::new(max_body),
            end: None,
            stream: 0,
            replaced: CancellationToken::new(),
            told: None,
        };
        Self {
            epoch,
            window: window as u64,
            state: Mutex::new(state),
            outgoing: Notify::new(),
            progress: Notify::new(),
            over: CancellationToken::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A frame that is not counted, with what this side has and grants.
    pub fn greeting(&self, kind: Kind, body: Bytes) -> Frame {
        let state = self.state();
        let (acknowledged, credit) = (state.inbox.expected(), state.inbox.granted());
        Frame { acknowledged, credit, ..uncounted(self.epoch, kind, body) }
    }

    /// Makes a stream the newest, given what the other side has said at its beginning.
    pub fn attach(&self, greeting: &Frame) -> Result<Attached, RelayError> {
        let attached = {
            let mut state = self.state();
            state.outbox.restart(greeting.acknowledged)?;
            state.outbox.credited(greeting.credit);
            state.stream += 1;
            state.told = None;
            if let Some(end) = &mut state.end {
                end.told = false;
            }
            std::mem::replace(&mut state.replaced, CancellationToken::new()).cancel();
            Attached { stream: state.stream, replaced: state.replaced.clone() }
        };
        self.outgoing.notify_waiters();
        self.outgoing.notify_one();
        self.progress.notify_one();
        Ok(attached)
    }

    /// A number that grows whenever a frame has got through, in either direction.
    pub fn passed(&self) -> u64 {
        let state = self.state();
        state.outbox.first() + state.inbox.expected()
    }

    /// Whether the stream is the newest.
    pub fn is_newest(&self, attached: &Attached) -> bool {
        self.state().stream == attached.stream
    }

    /// Takes in what has come on a stream. What an older stream still brings is dropped.
    pub fn receive(&self, attached: &Attached, frame: Frame) -> Result<(), RelayError> {
        let (_, is_counted) = counted(&frame)?;
        if frame.epoch != self.epoch {
            return Err(RelayError::Epoch { expected: self.epoch, found: frame.epoch });
        }
        let mut state = self.state();
        if state.stream != attached.stream {
            return Ok(());
        }
        state.outbox.acknowledged(frame.acknowledged)?;
        state.outbox.credited(frame.credit);
        if is_counted {
            state.inbox.accept(frame)?;
        }
        drop(state);
        self.outgoing.notify_one();
        self.progress.notify_one();
        Ok(())
    }

    /// The next frame for a stream; none once the stream is not the newest, or has told that the channel is over.
    pub async fn next_outgoing(&self, attached: &Attached) -> Option<Frame> {
        loop {
            // Registered before looking, so that nothing said in between is missed.
            let said = self.outgoing.notified();
            match self.outgoing_now(attached) {
                Outgoing::Frame(frame) => return Some(frame),
                Outgoing::Over => return None,
                Outgoing::Nothing => said.await,
            }
        }
    }

    fn outgoing_now(&self, attached: &Attached) -> Outgoing {
        let mut state = self.state();
        if state.stream != attached.stream {
            return Outgoing::Over;
        }
        let now = (state.inbox.expected(), state.inbox.granted());
        match state.outbox.next_body() {
            Some(body) if body >= LARGE_BODY && state.told == Some(now) => {
                if let Some(frame) = state.outbox.next() {
                    return Outgoing::Frame(frame);
                }
            }
            Some(body) if body >= LARGE_BODY => return Outgoing::Frame(self.credit(&mut state, now)),
            Some(_) => {
                if let Some(frame) = state.outbox.next() {
                    state.told = Some(now);
                    return Outgoing::Frame(Frame { acknowledged: now.0, credit: now.1, ..frame });
                }
            }
            None => {}
        }
        if let Some(end) = &mut state.end {
            return match &end.farewell {
                Some(body) if !end.told => {
                    end.told = true;
                    Outgoing::Frame(uncounted(self.epoch, Kind::Closed, body.clone()))
                }
                _ => {
                    end.told = true;
                    Outgoing::Over
                }
            };
        }
        if state.told == Some(now) {
            return Outgoing::Nothing;
        }
        Outgoing::Frame(self.credit(&mut state, now))
    }

    /// A frame that tells what this side has and grants, and nothing else.
    fn credit(&self, state: &mut State, now: (u64, u64)) -> Frame {
        state.told = Some(now);
        let frame = uncounted(self.epoch, Kind::Credit, Bytes::new());
        Frame { acknowledged: now.0, credit: now.1, ..frame }
    }

    /// Sends a body, in as many frames as it needs, each as soon as there is room. One caller at a time.
    pub async fn send(&self, kind: Kind, call: u64, mut body: Bytes) -> Result<(), ConnectorError> {
        loop {
            let part = body.split_to(body.len().min(FRAME_BODY));
            let more = !body.is_empty();
            loop {
                let progress = self.progress.notified();
                if self.push_if_room(kind, call, more, &part)? {
                    break;
                }
                progress.await;
            }
            if !more {
                return Ok(());
            }
        }
    }

    fn push_if_room(&self, kind: Kind, call: u64, more: bool, part: &Bytes) -> Result<bool, ConnectorError> {
        let mut state = self.state();
        if let Some(end) = &state.end {
            return Err(end.error.clone());
        }
        let held = state.outbox.held();
        if held > 0 && held + weight(part) > self.window {
            return Ok(false);
        }
        state.outbox.push(kind, call, more, part.clone(), etl_sdk::current_trace());
        drop(state);
        self.outgoing.notify_one();
        Ok(true)
    }

    /// Sends a body without waiting for room; nothing once the channel is over.
    pub fn send_now(&self, kind: Kind, call: u64, mut body: Bytes) {
        let mut state = self.state();
        if state.end.is_some() {
            return;
        }
        loop {
            let part = body.split_to(body.len().min(FRAME_BODY));
            let more = !body.is_empty();
            state.outbox.push(kind, call, more, part, None);
            if !more {
                break;
            }
        }
        drop(state);
        self.outgoing.notify_one();
    }

    /// Whether what was sent and not acknowledged leaves room for more.
    pub fn has_room(&self) -> bool {
        self.state().outbox.held() < self.window
    }

    /// The next message that has come whole, and how many bytes to release when it has been worked off. While
    /// `may_join` is false, one of several frames is left where it is.
    pub fn take(&self, may_join: bool) -> Result<Option<(Message, u64)>, RelayError> {
        let mut state = self.state();
        if state.end.is_some() {
            return Ok(None);
        }
        let mut joined = false;
        let taken = loop {
            if state.inbox.peek().is_some_and(|frame| frame.more) && !may_join {
                break Ok(None);
            }
            let Some(frame) = state.inbox.take() else { break Ok(None) };
            let weight = weight(&frame.body);
            match state.assembler.add(frame) {
                Ok(Some(message)) => break Ok(Some((message, weight))),
                Ok(None) => {
                    state.inbox.release(weight);
                    joined = true;
                }
                Err(error) => break Err(error),
            }
        };
        drop(state);
        if joined {
            self.outgoing.notify_one();
        }
        taken
    }

    /// Lets the other side send more.
    pub fn release(&self, bytes: u64) {
        self.state().inbox.release(bytes);
        self.outgoing.notify_one();
    }

    /// Until something has come or there is room, or the channel is over.
    pub async fn progress(&self) {
        self.progress.notified().await;
    }

    /// Ends the channel, unless it has ended. `farewell` is told to the other side.
    pub fn end(&self, error: ConnectorError, farewell: Option<Bytes>) {
        {
            let mut state = self.state();
            if state.end.is_some() {
                return;
            }
            state.end = Some(End { error, farewell, told: false });
        }
        self.over.cancel();
        self.outgoing.notify_one();
        self.progress.notify_one();
    }

    /// Why the channel has ended, if it has.
    pub fn ended(&self) -> Option<ConnectorError> {
        self.state().end.as_ref().map(|end| end.error.clone())
    }

    /// Whether the other side need not be told any more that the channel has ended.
    pub fn is_told(&self) -> bool {
        self.state().end.as_ref().is_some_and(|end| end.told || end.farewell.is_none())
    }

    /// Cancelled when the channel has ended.
    pub fn over(&self) -> &CancellationToken {
        &self.over
    }
}

enum Outgoing {
    Frame(Frame),
    Nothing,
    Over,
}
