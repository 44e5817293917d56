use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use proptest::collection::vec;
use proptest::prelude::*;
use tokio::io::{AsyncRead, ReadBuf};

use super::{message, row};
use crate::wire::lane::{Lane, Receiver};
use crate::wire::{Diverting, Item, Terms};

const LIMIT: usize = 30_000;

/// What a server may send while COPYs are asked for.
#[derive(Debug, Clone)]
enum Sent {
    /// The answer to a request with COPYs, whose reader goes away after so many items (or never).
    Copies { copies: Vec<Vec<Part>>, claimed: bool, leaves_after: usize, error: bool },
    /// A message with a body of so many bytes.
    Other(u8, usize),
}

#[derive(Debug, Clone)]
enum Part {
    Row(usize),
    Notice(usize),
}

fn sent() -> impl Strategy<Value = Sent> {
    let part = prop_oneof![
        6 => (0..200_usize).prop_map(Part::Row),
        1 => (0..LIMIT + 1).prop_map(Part::Row),
        1 => (0..300_usize).prop_map(Part::Notice),
    ];
    let copies = (vec(vec(part, 0..40), 1..4), any::<bool>(), 0..40_usize, any::<bool>()).prop_map(
        |(copies, claimed, leaves_after, error)| Sent::Copies { copies, claimed, leaves_after, error },
    );
    let tags = prop::sample::select(vec![b'N', b'A', b'S', b'Z', b'D', b'T', b'C', b'E', b'1', b'2']);
    prop_oneof![copies, (tags, 0..20_000_usize).prop_map(|(tag, length)| Sent::Other(tag, length))]
}

/// A socket that has so many bytes at a time.
struct Socket {
    bytes: Vec<u8>,
    at: usize,
    sizes: Vec<usize>,
    reads: usize,
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.reads += 1;
        let size = self.sizes[self.reads % self.sizes.len()];
        if size == 0 {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let end = (self.at + size.min(buffer.remaining())).min(self.bytes.len());
        buffer.put_slice(&self.bytes[self.at..end]);
        self.at = end;
        Poll::Ready(Ok(()))
    }
}

/// Reads what passes until `pending` says that the stream waits, and no more than `expected` bytes.
fn pass(stream: &mut Diverting<Socket>, out: usize, passed: &mut Vec<u8>, expected: usize) {
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..3 {
        if passed.len() >= expected {
            return;
        }
        let mut space = vec![0; out.min(expected - passed.len())];
        let mut buffer = ReadBuf::new(&mut space);
        match Pin::new(&mut *stream).poll_read(&mut context, &mut buffer) {
            Poll::Ready(result) => {
                result.unwrap();
                passed.extend_from_slice(buffer.filled());
            }
            Poll::Pending => return,
        }
    }
}

/// The rows of each COPY.
type Copies = Vec<Vec<Vec<u8>>>;

/// Takes an item, if there is one.
fn take(receiver: &mut Receiver, copies: &mut Copies) -> bool {
    match receiver.poll_next(&mut Context::from_waker(Waker::noop())) {
        Poll::Pending => return false,
        Poll::Ready(Item::End) => copies.push(Vec::new()),
        Poll::Ready(Item::Rows(segment)) => {
            copies.last_mut().unwrap().extend(segment.bodies().map(<[u8]>::to_vec));
        }
        Poll::Ready(other) => panic!("{other:?}"),
    }
    true
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever is sent, cut and asked for: the rows that were claimed reach their reader, and all else passes.
    #[test]
    fn everything_reaches_the_one_it_is_for(
        conversation in vec(sent(), 1..8),
        sizes in vec(prop_oneof![Just(0_usize), 1..10_usize, 1..5000_usize, Just(100_000)], 1..6)
            .prop_filter("something is read", |sizes| sizes.iter().any(|&size| size > 0)),
        out in prop_oneof![1..10_usize, 100..20_000_usize],
        piece in prop_oneof![Just(1_usize), 8_192..40_000_usize],
    ) {
        let lane = Arc::new(Lane::default());
        let socket = Socket { bytes: Vec::new(), at: 0, sizes, reads: 0 };
        let mut stream = Diverting::new(socket, lane.clone());
        for (i, sent) in conversation.into_iter().enumerate() {
            let (mut bytes, mut expected) = (Vec::new(), Vec::new());
            let mut expected_copies: Copies = vec![Vec::new()];
            let (mut receiver, mut leaves_after) = (None, usize::MAX);
            match sent {
                Sent::Other(tag, length) => {
                    bytes.extend(message(tag, &vec![tag; length]));
                    expected.clone_from(&bytes);
                }
                Sent::Copies { copies, claimed, leaves_after: leaves, error } => {
                    let last = copies.len() - 1;
                    for (j, parts) in copies.into_iter().enumerate() {
                        let (begin, end) = (message(b'H', &[1, 0, 0]), message(b'c', b""));
                        let mut messages = vec![(begin, !claimed)];
                        for (k, part) in parts.iter().enumerate() {
                            messages.push(match part {
                                Part::Row(length) => (row(&vec![(i + j + k) as u8; *length]), !claimed),
                                Part::Notice(length) => (message(b'N', &vec![b'n'; *length]), true),
                            });
                        }
                        for (message, _) in messages.iter().filter(|(message, _)| claimed && message[0] == b'd') {
                            expected_copies[j].push(message[5..].to_vec());
                        }
                        if error && j == last {
                            messages.push((message(b'E', b"bad\0"), true));
                        } else {
                            messages.extend([(end, !claimed), (message(b'C', b"COPY 1\0"), true)]);
                            expected_copies.push(Vec::new());
                        }
                        for (message, passes) in messages {
                            bytes.extend_from_slice(&message);
                            expected.extend(message.into_iter().filter(|_| passes));
                        }
                    }
                    let ready = message(b'Z', b"T");
                    bytes.extend_from_slice(&ready);
                    expected.extend_from_slice(&ready);
                    if claimed {
                        receiver = lane.claim(Terms { limit: LIMIT, piece });
                        prop_assert!(receiver.is_some());
                        leaves_after = leaves;
                    }
                }
            }
            stream.inner_mut().bytes.extend_from_slice(&bytes);
            let (mut passed, mut copies, mut items, mut stuck) = (Vec::new(), vec![Vec::new()], 0, 0);
            let claimed = receiver.is_some();
            let mut left = false;
            while passed.len() < expected.len() {
                let before = (passed.len(), items, stream.inner_mut().reads);
                pass(&mut stream, out, &mut passed, expected.len());
                if let Some(reader) = &mut receiver {
                    items += usize::from(take(reader, &mut copies));
                    // Before the first item it could be that nothing has begun.
                    if items > leaves_after {
                        (receiver, left) = (None, true);
                    }
                }
                stuck = if before == (passed.len(), items, stream.inner_mut().reads) { stuck + 1 } else { 0 };
                prop_assert!(stuck < 10, "nothing goes on");
            }
            while receiver.as_mut().is_some_and(|reader| take(reader, &mut copies)) {}
            prop_assert_eq!(&passed, &expected);
            if left {
                let taken: Vec<_> = copies.concat();
                prop_assert!(expected_copies.concat().starts_with(&taken));
            } else if claimed {
                prop_assert_eq!(copies, expected_copies);
            }
            drop(receiver);
        }
    }
}
