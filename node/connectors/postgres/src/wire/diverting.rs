use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsStream};

use super::frame::HEADER_BYTES;
use super::lane::{Item, Lane, Terms, Whose};
use super::router::{Router, Step};
use super::segment::Segment;

/// Bytes of the buffer while no rows are diverted.
const SMALL: usize = 8 << 10;
/// The part of the buffer that may stay empty when rows are handed over, as its divisor.
const EMPTY: usize = 16;

/// A connection whose rows of a COPY go to their reader, and everything else to whoever reads it.
pub(crate) struct Diverting<S> {
    inner: S,
    lane: Arc<Lane>,
    router: Router,
    /// Received and not dealt with yet; begins with the router's run.
    input: BytesMut,
    /// Bytes that `input` has room for.
    room: usize,
    /// The COPY whose rows are diverted.
    ticket: u64,
}

impl<S> Diverting<S> {
    /// Diverts rows of `inner` that are claimed on the lane. Nothing must have been received yet.
    pub(crate) fn new(inner: S, lane: Arc<Lane>) -> Self {
        Self { inner, lane, router: Router::new(), input: BytesMut::new(), room: SMALL, ticket: 0 }
    }

    #[cfg(test)]
    pub(super) fn inner_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Whether little more can be received before rows are handed over.
    fn is_full(&self) -> bool {
        let free = self.input.capacity() - self.input.len();
        self.input.capacity() >= self.room && free <= self.room / EMPTY
    }

    fn begin(&mut self) {
        match self.lane.begin() {
            Whose::Readers(ticket, Terms { limit, piece }) => {
                (self.ticket, self.room) = (ticket, piece.max(SMALL));
                self.router.divert(limit, &self.input);
            }
            Whose::Nobodys => self.router.discard(),
            Whose::Clients => self.router.pass(&self.input),
        }
    }

    /// Lets the rest of the request's rows be thrown away.
    fn give_up(&mut self) {
        self.lane.finish(self.ticket);
        self.router.discard();
    }

    /// Takes the whole rows off the front.
    fn rows(&mut self) -> Segment {
        let run = self.router.take_run();
        if run.bytes < self.room / 2 {
            let messages = Bytes::copy_from_slice(self.input.get(..run.bytes).unwrap_or_default());
            self.input.advance(run.bytes);
            return Segment::new(messages, run.rows, run.last, run.bytes);
        }
        // The buffer goes with the rows; what is behind them begins the next one.
        let behind = self.input.get(run.bytes..).unwrap_or_default();
        let mut next = BytesMut::with_capacity(self.room.max(behind.len()));
        next.extend_from_slice(behind);
        let mut messages = std::mem::replace(&mut self.input, next);
        messages.truncate(run.bytes);
        let memory = messages.capacity();
        Segment::new(messages.freeze(), run.rows, run.last, memory)
    }

    fn hand_over(&mut self, context: &mut Context<'_>, too_large: Option<usize>) -> Poll<()> {
        ready!(self.lane.poll_room(self.ticket, context));
        let item = match too_large {
            None => Item::Rows(self.rows()),
            Some(bytes) => {
                let begin = self.input.get(HEADER_BYTES..).unwrap_or_default();
                Item::TooLarge { bytes, prefix: Bytes::copy_from_slice(begin) }
            }
        };
        if !self.lane.push(self.ticket, item) || too_large.is_some() {
            self.give_up();
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + Unpin> Diverting<S> {
    /// Receives what is there into the buffer, which gets room for `room` bytes in all; 0 at the end.
    fn poll_receive(&mut self, room: usize, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let room = room.max(self.room);
        if self.input.capacity() < room {
            self.input.reserve(room - self.input.len());
        }
        pin!(self.inner.read_buf(&mut self.input)).poll(context)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Diverting<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = out.filled().len();
        if this.router.is_diverting() && !this.lane.is_wanted(this.ticket) {
            this.give_up();
        }
        while out.remaining() > 0 {
            let passed = out.filled().len() > before;
            let step = match this.router.step(&this.input, this.is_full()) {
                // It comes again when more is asked for.
                Err(_) if passed => break,
                step => step?,
            };
            match step {
                Step::Pass(length) => {
                    let length = length.min(out.remaining());
                    out.put_slice(this.input.get(..length).unwrap_or_default());
                    this.input.advance(length);
                    this.router.consumed(length);
                }
                Step::Discard(length) => {
                    this.input.advance(length);
                    this.router.consumed(length);
                }
                Step::Begins => this.begin(),
                Step::Ends => {
                    this.lane.push(this.ticket, Item::End);
                    this.router.ended(&this.input);
                }
                Step::Over => {
                    this.lane.finish(this.ticket);
                    this.router.pass(&this.input);
                }
                // What passed goes first; the rest of the work is done when more is asked for.
                Step::HandOver | Step::TooLarge(_) | Step::Receive(_) if passed => break,
                Step::HandOver => ready!(this.hand_over(context, None)),
                Step::TooLarge(bytes) => ready!(this.hand_over(context, Some(bytes))),
                Step::Receive(room) => {
                    if ready!(this.poll_receive(room, context))? == 0 {
                        break;
                    }
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Diverting<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

impl<S: TlsStream + Unpin> TlsStream for Diverting<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.inner.channel_binding()
    }
}
