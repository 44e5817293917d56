use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::segment::Segment;

/// Pieces that wait for the reader at most.
const CAPACITY: usize = 2;

/// What a reader gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    /// Rows.
    Rows(Segment),
    /// The rows of one COPY were these, and no others.
    End,
    /// A row of more bytes than allowed: how many it has, and those it begins with. Nothing follows.
    TooLarge { bytes: usize, prefix: Bytes },
}

/// How the rows of a request are to be handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms {
    /// Bytes of the body of the largest message that is handed over.
    pub(crate) limit: usize,
    /// Bytes of a piece, about.
    pub(crate) piece: usize,
}

/// The way of rows from a connection to the reader who asked for them; one request at a time, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The request that was claimed last, by number.
    ticket: u64,
    phase: Phase,
    items: VecDeque<Item>,
    reader: Option<Waker>,
    stream: Option<Waker>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nobody waits for rows.
    #[default]
    Idle,
    /// The next COPY that begins is the reader's.
    Awaited(Terms),
    /// The reader went away before: the next COPY that begins was meant for it.
    Forsaken,
    /// A COPY has begun.
    Open,
}

/// Whose a COPY is that begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// The client's: nobody asked for it here.
    Clients,
    /// That of the request with this number.
    Readers(u64, Terms),
    /// That of a reader who is gone.
    Nobodys,
}

impl Lane {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change below is whole before the lock is let go.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Claims the rows of the request that is sent next. `None` while the COPY of a request before may begin yet, whose
    /// reader is gone: it could not be told from this one.
    pub(super) fn claim(self: &Arc<Self>, terms: Terms) -> Option<Receiver> {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Forsaken | Phase::Awaited(_)) {
            return None;
        }
        state.ticket += 1;
        state.phase = Phase::Awaited(terms);
        state.items.clear();
        Some(Receiver { lane: Arc::clone(self), ticket: state.ticket })
    }

    /// A COPY begins.
    pub(super) fn begin(&self) -> Whose {
        let mut state = self.lock();
        match state.phase {
            Phase::Awaited(terms) => {
                state.phase = Phase::Open;
                Whose::Readers(state.ticket, terms)
            }
            Phase::Forsaken => {
                state.phase = Phase::Idle;
                Whose::Nobodys
            }
            Phase::Idle | Phase::Open => Whose::Clients,
        }
    }

    /// Whether the reader of a request is still there.
    pub(super) fn is_wanted(&self, ticket: u64) -> bool {
        self.lock().is_open(ticket)
    }

    /// Waits until one piece more may wait. Also ready when nobody will take it.
    pub(super) fn poll_room(&self, ticket: u64, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.is_open(ticket) && state.items.len() >= CAPACITY {
            state.stream = Some(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// Hands an item over; returns whether the reader is still there.
    pub(super) fn push(&self, ticket: u64, item: Item) -> bool {
        let mut state = self.lock();
        if !state.is_open(ticket) {
            return false;
        }
        state.items.push_back(item);
        if let Some(reader) = state.reader.take() {
            reader.wake();
        }
        true
    }

    /// The request is over.
    pub(super) fn finish(&self, ticket: u64) {
        let mut state = self.lock();
        if state.is_open(ticket) {
            state.phase = Phase::Idle;
        }
    }
}

impl State {
    fn is_open(&self, ticket: u64) -> bool {
        self.ticket == ticket && self.phase == Phase::Open
    }
}

/// The reader's end. Dropping it lets the rest of the rows be thrown away.
#[derive(Debug)]
pub(super) struct Receiver {
    lane: Arc<Lane>,
    ticket: u64,
}

impl Receiver {
    /// The next item, as soon as there is one.
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Item> {
        let mut state = self.lane.lock();
        if state.ticket == self.ticket
            && let Some(item) = state.items.pop_front()
        {
            if let Some(stream) = state.stream.take() {
                stream.wake();
            }
            return Poll::Ready(item);
        }
        state.reader = Some(context.waker().clone());
        Poll::Pending
    }

    /// The request is over, as the client has learned: no COPY begins any more.
    pub(super) fn concluded(&mut self) {
        let mut state = self.lane.lock();
        if state.ticket == self.ticket && matches!(state.phase, Phase::Awaited(_)) {
            state.phase = Phase::Idle;
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let mut state = self.lane.lock();
        if state.ticket != self.ticket {
            return;
        }
        state.phase = match state.phase {
            Phase::Awaited(_) | Phase::Forsaken => Phase::Forsaken,
            Phase::Idle | Phase::Open => Phase::Idle,
        };
        state.items.clear();
        state.reader = None;
        if let Some(stream) = state.stream.take() {
            stream.wake();
        }
    }
}
