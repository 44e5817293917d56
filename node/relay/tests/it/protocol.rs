use bytes::Bytes;
use etl_proto::Message as _;
use etl_proto::relay::relay_client::RelayClient;
use etl_proto::relay::{Answer, Claim, Error, Frame, Kind, Marker, Opening, Partition, Role, answer, error};
use etl_sdk::{Destination, Payload};
use futures::channel::mpsc;
use tonic::Streaming;
use uuid::Uuid;

use crate::fakes::{Host, Memory, eventually, numbers};

/// A sender that says what it is told to.
struct Raw {
    to: mpsc::UnboundedSender<Frame>,
    from: Streaming<Frame>,
}

fn frame(kind: Kind, seq: u64, body: impl Into<Bytes>) -> Frame {
    let call = if kind == Kind::Rows { 0 } else { seq };
    Frame { epoch: 3, seq, call, kind: kind.into(), body: body.into(), acknowledged: 1, ..Frame::default() }
}

fn run(host: &Host) -> Bytes {
    Bytes::copy_from_slice(host.run().as_bytes())
}

fn opening(host: &Host) -> Opening {
    Opening {
        run: run(host),
        workflow: "orders".to_owned(),
        version: 1,
        step: "sink".to_owned(),
        partition: Some(Partition { source: "source".to_owned(), partition: "0".to_owned(), index: 0 }),
        epoch: 3,
        role: Role::Destination.into(),
        attempt: Bytes::copy_from_slice(Uuid::new_v4().as_bytes()),
        resumed: false,
        shard: None,
    }
}

fn fence(host: &Host) -> Vec<u8> {
    Claim { run: run(host), epoch: 3, ..Claim::default() }.encode_to_vec()
}

fn marker(host: &Host, seq: u64) -> Vec<u8> {
    let counters = Some(Default::default());
    Marker { run: run(host), epoch: 3, seq, counters, ..Marker::default() }.encode_to_vec()
}

/// Rows in their form on the wire.
fn rows(host: &Host) -> Bytes {
    let sink = host.destination(host.relay(), &Memory::default());
    match sink.encoder().encode(numbers(0..10, 5)).unwrap().payload {
        Payload::Rows { body, .. } => body.into(),
        other => panic!("{other:?}"),
    }
}

impl Raw {
    /// Begins a stream with any frame.
    async fn begin(host: &Host, first: Frame) -> Self {
        let client = RelayClient::connect(format!("http://{}", host.address)).await.unwrap();
        let (to, outgoing) = mpsc::unbounded();
        to.unbounded_send(first).unwrap();
        let mut client = client.max_encoding_message_size(64 << 20);
        Self { to, from: client.channel(outgoing).await.unwrap().into_inner() }
    }

    async fn open_as(host: &Host, opening: &Opening) -> Self {
        let mut first = frame(Kind::Opening, 0, opening.encode_to_vec());
        first.credit = 1 << 30;
        Self::begin(host, first).await
    }

    /// Opens a channel, which must be accepted.
    async fn open(host: &Host) -> Self {
        let mut raw = Self::open_as(host, &opening(host)).await;
        let accepted = raw.from.message().await.unwrap().unwrap();
        assert_eq!(
            (accepted.kind(), accepted.acknowledged, accepted.credit),
            (Kind::Accepted, 1, host.settings.window as u64)
        );
        raw
    }

    fn send(&self, frame: Frame) {
        self.to.unbounded_send(frame).unwrap();
    }

    /// The next answer, or the error by which the channel is closed.
    async fn next(&mut self) -> Result<answer::Outcome, String> {
        loop {
            let frame = self.from.message().await.unwrap().expect("the stream has ended");
            match frame.kind() {
                Kind::Answer => return Ok(Answer::decode(frame.body).unwrap().outcome.unwrap()),
                Kind::Closed => match Error::decode(frame.body).unwrap().kind.unwrap() {
                    error::Kind::External(error) => {
                        assert!(error.backoff);
                        return Err(error.message);
                    }
                    other => panic!("{other:?}"),
                },
                _ => {}
            }
        }
    }

    /// The error by which the channel is closed. It must name the channel.
    async fn refused(mut self) -> String {
        let error = self.next().await.unwrap_err();
        assert!(error.contains("relay channel to step `sink` of run "), "{error}");
        assert!(error.contains(", source[0], epoch 3 (attempt "), "{error}");
        error
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicates_are_dropped() {
    let memory = Memory::default();
    let host = Host::of(&memory);
    let mut raw = Raw::open(&host).await;
    for (kind, seq, body) in [
        (Kind::Fence, 1, Bytes::from(fence(&host))),
        (Kind::Rows, 2, rows(&host)),
        (Kind::Stage, 3, marker(&host, 1).into()),
        (Kind::Commit, 4, marker(&host, 1).into()),
    ] {
        raw.send(frame(kind, seq, body.clone()));
        raw.send(frame(kind, seq, body));
        raw.send(frame(Kind::Fence, 1, fence(&host)));
    }
    assert!(matches!(raw.next().await, Ok(answer::Outcome::Marker(_))));
    assert!(matches!(raw.next().await, Ok(answer::Outcome::Refused(_))));
    assert_eq!(raw.next().await, Ok(answer::Outcome::Done(Default::default())));
    assert_eq!(memory.numbers(), (0..10).collect::<Vec<_>>());
    assert_eq!(memory.content.lock().unwrap().commits, 1);
    raw.send(frame(Kind::Closed, 0, Bytes::new()));
    eventually("the writer is gone", || memory.writers() == 0).await;
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_the_rules_is_refused_and_named() {
    let memory = Memory::default();
    let host = Host::of(&memory);
    let first = |kind: Kind, body: Vec<u8>| frame(kind, 1, body);
    let unknown = Frame { kind: 99, ..first(Kind::Rows, Vec::new()) };
    let older = Frame { epoch: 2, ..first(Kind::Fence, fence(&host)) };
    let gap = Frame { seq: 3, ..first(Kind::Fence, fence(&host)) };
    let ahead = Frame { acknowledged: 5, ..first(Kind::Fence, fence(&host)) };
    let cases = [
        (gap, "frame 3 came where frame 1 was expected"),
        (older, "a frame of epoch 2 in a channel of epoch 3"),
        (unknown, "a frame of kind 99 is not known"),
        (first(Kind::Opening, Vec::new()), "from a sender that was accepted"),
        (first(Kind::Answer, Vec::new()), "from a sender that was accepted"),
        (first(Kind::Rows, vec![0; (1 << 20) + 1]), "a frame of 1048577 bytes, at most 1048576"),
        (first(Kind::Rows, vec![0; 5 << 20]), "malformed frame"),
        (ahead, "frame 5 is asked for"),
        (first(Kind::Rows, rows(&host).to_vec()), "before the fence"),
    ];
    for (wrong, expected) in cases {
        let raw = Raw::open(&host).await;
        raw.send(wrong);
        let error = raw.refused().await;
        assert!(error.contains(expected), "{error} instead of {expected}");
    }
    eventually("no writer is left", || memory.writers() == 0).await;
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_was_granted_is_refused() {
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let memory = Memory { gate: Some(gate), ..Memory::default() };
    let host = Host::of(&memory);
    let mut raw = Raw::open(&host).await;
    raw.send(frame(Kind::Fence, 1, fence(&host)));
    raw.next().await.unwrap();
    let body = rows(&host);
    let frames = host.settings.window / (body.len() + 64) + 2;
    for seq in 0..frames as u64 {
        raw.send(frame(Kind::Rows, seq + 2, body.clone()));
    }
    let error = raw.refused().await;
    assert!(error.contains("were granted"), "{error}");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_inside_a_frame_is_refused() {
    let memory = Memory::default();
    let host = Host::of(&memory);
    for (kind, body) in [(Kind::Fence, &b"garbage"[..]), (Kind::Stage, b"\xff\xff"), (Kind::Commit, b"\x01")]
    {
        let mut raw = Raw::open(&host).await;
        raw.send(frame(kind, 1, Bytes::from_static(body)));
        let Ok(answer::Outcome::Error(error)) = raw.next().await else { panic!("{kind:?} was done") };
        let Some(error::Kind::External(error)) = error.kind else { panic!("{error:?}") };
        assert!(error.message.contains("malformed") && error.message.contains("source[0]"), "{error:?}");
    }
    let good = rows(&host);
    for garbage in
        [Bytes::from_static(b"garbage"), good.slice(..good.len() / 2), good.slice(8..), Bytes::new()]
    {
        let mut raw = Raw::open(&host).await;
        raw.send(frame(Kind::Fence, 1, fence(&host)));
        raw.next().await.unwrap();
        raw.send(frame(Kind::Rows, 2, garbage));
        let error = raw.refused().await;
        assert!(error.contains("malformed rows"), "{error}");
    }
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn openings_that_make_no_sense_are_refused() {
    let memory = Memory::default();
    let host = Host::of(&memory);
    let good = opening(&host);
    let cases = [
        (Opening { run: Bytes::from_static(b"short"), ..good.clone() }, "malformed opening.run"),
        (Opening { attempt: Bytes::new(), ..good.clone() }, "malformed opening.attempt"),
        (Opening { role: 0, ..good.clone() }, "role 0 is not known"),
        (Opening { role: 9, ..good.clone() }, "role 9 is not known"),
        (Opening { step: "No Step".to_owned(), ..good.clone() }, "malformed opening.step"),
        (Opening { partition: None, ..good.clone() }, "an epoch without a partition"),
        (Opening { shard: Some("8of8".to_owned()), ..good.clone() }, "malformed opening.shard"),
        (
            Opening { partition: None, epoch: 0, shard: Some("0of8".to_owned()), ..good.clone() },
            "a shard without",
        ),
        (Opening { resumed: true, ..good.clone() }, "it is not known here any more"),
    ];
    for (wrong, expected) in cases {
        let error = Raw::open_as(&host, &wrong).await.next().await.unwrap_err();
        assert!(error.contains(expected), "{error} instead of {expected}");
    }
    let not_first = frame(Kind::Fence, 1, fence(&host));
    let error = Raw::begin(&host, not_first).await.next().await.unwrap_err();
    assert!(error.contains("instead of an opening"), "{error}");
    let garbage = frame(Kind::Opening, 0, Bytes::from_static(b"\xff\xff\xff"));
    let error = Raw::begin(&host, garbage).await.next().await.unwrap_err();
    assert!(error.contains("malformed opening"), "{error}");

    // The attempt of another channel.
    let mut raw = Raw::open_as(&host, &good).await;
    raw.from.message().await.unwrap().unwrap();
    let stranger = Opening { epoch: 4, ..good };
    let error = Raw::open_as(&host, &stranger).await.next().await.unwrap_err();
    assert!(error.contains("its attempt is that of the"), "{error}");
    host.stop().await;
}
