//! A scripted server in the place of a socket: what it is sent is answered at once, and what it answers is received in
//! pieces of the test's choice.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, NoTls};

use super::message;
use crate::wire::copy_out::Broken;
use crate::wire::lane::Lane;
use crate::wire::{CopyOut, Diverting, Item, Terms};

/// What one execution of a statement is answered with.
#[derive(Clone)]
pub(super) struct Answer {
    /// Everything behind the acceptance of the parameters.
    pub(super) bytes: Vec<u8>,
    /// Where the answer is cut: a read never reaches beyond the next of these.
    pub(super) cuts: Vec<usize>,
    /// What follows it.
    pub(super) then: Then,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// The connection goes on.
    GoOn,
    /// The server closes it.
    Close,
    /// It is reset.
    Reset,
}

impl Answer {
    pub(super) fn of(messages: &[Vec<u8>]) -> Self {
        Self { bytes: messages.concat(), cuts: Vec::new(), then: Then::GoOn }
    }

    /// Received in pieces of so many bytes.
    pub(super) fn every(mut self, bytes: usize) -> Self {
        self.cuts = (0..self.bytes.len()).step_by(bytes).collect();
        self
    }

    pub(super) fn then(mut self, then: Then) -> Self {
        self.then = then;
        self
    }
}

/// The messages of a COPY that yields these rows, from its beginning to the end of the statement.
pub(super) fn copy_of(rows: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut messages = vec![begin()];
    messages.extend_from_slice(rows);
    messages.extend([message(b'c', b""), complete(), ready()]);
    messages
}

pub(super) fn begin() -> Vec<u8> {
    message(b'H', &[1, 0, 0])
}

pub(super) fn complete() -> Vec<u8> {
    message(b'C', b"COPY 3\0")
}

pub(super) fn ready() -> Vec<u8> {
    message(b'Z', b"I")
}

pub(super) fn error(code: &str) -> Vec<u8> {
    message(b'E', format!("SERROR\0VERROR\0C{code}\0Mno more\0\0").as_bytes())
}

pub(super) fn notice() -> Vec<u8> {
    message(b'N', b"SNOTICE\0VNOTICE\0C00000\0Mby the way\0\0")
}

pub(super) fn parameter() -> Vec<u8> {
    message(b'S', b"application_name\0d\0")
}

enum Event {
    Bytes(Vec<u8>),
    Then(Then),
}

pub(super) struct Backend {
    asked: BytesMut,
    logged_in: bool,
    /// Whether a statement was executed since the last synchronization.
    executed: bool,
    /// The answers to the statements executed next.
    answers: VecDeque<Answer>,
    events: VecDeque<Event>,
    /// Whether the last read ended at a cut: then nothing is there for a moment.
    paused: bool,
    /// How many bytes have been read.
    read: Arc<AtomicUsize>,
}

impl Backend {
    fn new(answers: Vec<Answer>, read: Arc<AtomicUsize>) -> Self {
        let (asked, events) = (BytesMut::new(), VecDeque::new());
        Self {
            asked,
            logged_in: false,
            executed: false,
            answers: answers.into(),
            events,
            paused: false,
            read,
        }
    }

    fn say(&mut self, bytes: Vec<u8>) {
        self.events.push_back(Event::Bytes(bytes));
    }

    fn answer(&mut self) {
        if !self.logged_in {
            let Some(length) = self.asked.first_chunk::<4>() else { return };
            let length = usize::try_from(u32::from_be_bytes(*length)).unwrap();
            if self.asked.len() < length {
                return;
            }
            self.asked.advance(length);
            self.logged_in = true;
            self.say([message(b'R', &[0; 4]), message(b'K', &[0; 8]), ready()].concat());
        }
        while let Some(&[tag, a, b, c, d]) = self.asked.first_chunk::<5>() {
            let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap() + 1;
            if self.asked.len() < length {
                return;
            }
            self.asked.advance(length);
            match tag {
                b'P' => self.say(message(b'1', b"")),
                b'D' => self.say([message(b't', &[0, 0]), message(b'n', b"")].concat()),
                b'B' => self.say(message(b'2', b"")),
                b'C' => self.say(message(b'3', b"")),
                b'E' => {
                    self.executed = true;
                    self.execute();
                }
                b'Q' => self.execute(),
                // The answer to an execution holds its own end.
                b'S' if std::mem::replace(&mut self.executed, false) => {}
                b'S' => self.say(ready()),
                b'X' => {}
                other => panic!("a message {:?} was not expected", char::from(other)),
            }
        }
    }

    fn execute(&mut self) {
        let Answer { bytes, mut cuts, then } =
            self.answers.pop_front().expect("an answer to every statement");
        cuts.push(bytes.len());
        cuts.sort_unstable();
        let mut from = 0;
        for cut in cuts.into_iter().filter(|&cut| cut <= bytes.len()) {
            if cut > from {
                self.say(bytes[from..cut].to_vec());
                from = cut;
            }
        }
        if then != Then::GoOn {
            self.events.push_back(Event::Then(then));
        }
    }
}

impl AsyncRead for Backend {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if std::mem::replace(&mut self.paused, false) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        match self.events.pop_front() {
            Some(Event::Bytes(mut bytes)) => {
                let length = bytes.len().min(buffer.remaining());
                buffer.put_slice(&bytes[..length]);
                self.read.fetch_add(length, Ordering::Relaxed);
                if length < bytes.len() {
                    self.events.push_front(Event::Bytes(bytes.split_off(length)));
                } else {
                    self.paused = true;
                }
                Poll::Ready(Ok(()))
            }
            Some(Event::Then(Then::Reset)) => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            Some(Event::Then(_)) => {
                self.events.push_front(Event::Then(Then::Close));
                Poll::Ready(Ok(()))
            }
            // The task that writes is the one that reads: it asks again after it has written.
            None => Poll::Pending,
        }
    }
}

impl AsyncWrite for Backend {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.asked.extend_from_slice(bytes);
        self.answer();
        context.waker().wake_by_ref();
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A connection to a scripted server.
pub(super) struct Connected {
    pub(super) client: Client,
    pub(super) lane: Arc<Lane>,
    /// How many bytes have been received.
    pub(super) read: Arc<AtomicUsize>,
    pub(super) driver: JoinHandle<Result<(), tokio_postgres::Error>>,
}

pub(super) const TERMS: Terms = Terms { limit: 1 << 20, piece: 16 << 10 };

impl Connected {
    pub(super) async fn new(answers: Vec<Answer>) -> Self {
        let (lane, read) = (Arc::new(Lane::default()), Arc::<AtomicUsize>::default());
        let stream = Diverting::new(Backend::new(answers, read.clone()), lane.clone());
        let mut config = Config::new();
        config.user("u").ssl_mode(SslMode::Disable);
        let (client, connection) = config.connect_raw(stream, NoTls).await.unwrap();
        Self { client, lane, read, driver: tokio::spawn(connection) }
    }

    pub(super) async fn copy(&self, terms: Terms) -> CopyOut {
        CopyOut::begin(&self.client, &self.lane, "COPY t TO STDOUT", terms).await.unwrap()
    }

    /// Executes one COPY to its end, as soon as that is possible; the bodies of its rows.
    pub(super) async fn rows(&self) -> Vec<Vec<u8>> {
        let mut copy = loop {
            match CopyOut::begin(&self.client, &self.lane, "COPY t TO STDOUT", TERMS).await {
                Ok(copy) => break copy,
                Err(Broken::Astray(_)) => tokio::task::yield_now().await,
                Err(Broken::Failed(error)) => panic!("{error}"),
            }
        };
        let (mut copies, broken) = exhaust(&mut copy).await;
        assert!(broken.is_none() && copies.len() == 2 && copies[1].is_empty(), "{broken:?} {copies:?}");
        copies.remove(0)
    }
}

/// What is read until there is no more: the rows of each COPY that has ended and of one that has not. And why.
pub(super) async fn exhaust(copy: &mut CopyOut) -> (Vec<Vec<Vec<u8>>>, Option<Broken>) {
    let mut copies = vec![Vec::new()];
    loop {
        match copy.next().await {
            Some(Ok(Item::End)) => copies.push(Vec::new()),
            Some(Ok(item)) => copies.last_mut().unwrap().extend(bodies(&item)),
            Some(Err(broken)) => return (copies, Some(broken)),
            None => return (copies, None),
        }
    }
}

/// The bodies of rows, which are as many as said.
pub(super) fn bodies(item: &Item) -> Vec<Vec<u8>> {
    let Item::Rows(segment) = item else { panic!("rows instead of {item:?}") };
    let bodies: Vec<_> = segment.bodies().map(<[u8]>::to_vec).collect();
    assert_eq!(bodies.len(), segment.rows());
    assert_eq!(bodies.iter().map(Vec::len).sum::<usize>(), segment.body_bytes());
    assert_eq!(segment.last(), bodies.last().map(Vec::as_slice));
    assert!(segment.memory() >= segment.messages().len());
    bodies
}
