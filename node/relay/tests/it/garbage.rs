use etl_proto::Message as _;
use etl_proto::relay::{Error, Frame, Kind, error};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Endpoint;
use tonic::{Request, Status};

use crate::fakes::{Host, Memory};

/// Sends bytes as they are and reads frames.
#[derive(Default)]
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Frame;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        bytes::BufMut::put_slice(to, &item);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Frame;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Frame>, Status> {
        Frame::decode(from).map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}

/// The message of the error by which a host closes a stream of these messages.
async fn closed(host: &Host, messages: Vec<Vec<u8>>) -> String {
    let channel = Endpoint::from_shared(format!("http://{}", host.address)).unwrap().connect().await.unwrap();
    let mut client = tonic::client::Grpc::new(channel).max_encoding_message_size(64 << 20);
    client.ready().await.unwrap();
    let path = "/actix_etl.relay.v1.Relay/Channel".parse().unwrap();
    let request = Request::new(futures::stream::iter(messages));
    let mut answers = client.streaming(request, path, Bytes).await.unwrap().into_inner();
    loop {
        let frame = answers.message().await.unwrap().expect("the stream has ended");
        if frame.kind() == Kind::Closed {
            match Error::decode(frame.body).unwrap().kind {
                Some(error::Kind::External(error)) => return error.message,
                other => panic!("{other:?}"),
            }
        }
    }
}

fn opening(host: &Host) -> Vec<u8> {
    let opening = etl_proto::relay::Opening {
        run: bytes::Bytes::copy_from_slice(host.run().as_bytes()),
        version: 1,
        step: "sink".to_owned(),
        role: etl_proto::relay::Role::Destination.into(),
        attempt: bytes::Bytes::copy_from_slice(uuid::Uuid::new_v4().as_bytes()),
        ..Default::default()
    };
    let body = opening.encode_to_vec().into();
    let frame = Frame { kind: Kind::Opening.into(), body, acknowledged: 1, ..Frame::default() };
    frame.encode_to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_frame_at_all_is_refused() {
    let host = Host::of(&Memory::default());
    let garbage = || vec![0xff; 100];
    let error = closed(&host, vec![garbage()]).await;
    assert!(error.contains("a relay channel: malformed frame"), "{error}");
    let error = closed(&host, vec![opening(&host), garbage()]).await;
    assert!(error.contains("relay channel to step `sink`") && error.contains("malformed frame"), "{error}");
    let error = closed(&host, vec![opening(&host), vec![0; 5 << 20]]).await;
    assert!(error.contains("relay channel to step `sink`") && error.contains("4194304"), "{error}");
    host.stop().await;
}
