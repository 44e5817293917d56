use std::pin::Pin;
use std::time::{Duration, Instant};

use etl_proto::relay::relay_client::RelayClient;
use etl_proto::relay::relay_server::{Relay, RelayServer};
use etl_proto::relay::{Frame, Kind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use super::host::{connection, listener, server};
use super::load::{Load, unexpected};
use crate::group::Error;

/// A message that holds a piece.
const MESSAGE: usize = 4 << 20;

/// How long a socket takes for the bytes, until the other side has had them all.
pub async fn tcp(load: &Load) -> Result<Duration, Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut sending = TcpStream::connect(listener.local_addr()?).await?;
    let (mut receiving, _) = listener.accept().await?;
    let bytes = load.bytes();
    let receiver = tokio::spawn(async move {
        let mut buffer = vec![0; 1 << 20];
        let mut got = 0;
        while got < bytes {
            got += receiving.read(&mut buffer).await?;
        }
        receiving.write_all(b"!").await
    });
    let began = Instant::now();
    for piece in load.pieces() {
        sending.write_all(&piece).await?;
    }
    let mut answer = [0];
    sending.read_exact(&mut answer).await?;
    let took = began.elapsed();
    receiver.await.map_err(unexpected)??;
    Ok(took)
}

/// Reads a stream to its end and answers once.
struct Reader;

#[tonic::async_trait]
impl Relay for Reader {
    type ChannelStream = Pin<Box<dyn Stream<Item = Result<Frame, Status>> + Send>>;

    async fn channel(
        &self,
        request: Request<Streaming<Frame>>,
    ) -> Result<Response<Self::ChannelStream>, Status> {
        let mut frames = request.into_inner();
        let answer = async move {
            let mut seq = 0;
            while let Some(frame) = frames.message().await? {
                seq = frame.seq;
            }
            Ok(Frame { seq, ..Frame::default() })
        };
        Ok(Response::new(Box::pin(futures::stream::once(answer))))
    }
}

/// How long a gRPC stream takes for the bytes, until the other side has had them all.
pub async fn stream(load: &Load) -> Result<Duration, Error> {
    let (listener, address) = listener().await?;
    let reader = RelayServer::new(Reader).max_decoding_message_size(MESSAGE);
    let serving = tokio::spawn(server().add_service(reader).serve_with_incoming(listener));
    let mut client = RelayClient::new(connection(address)?).max_encoding_message_size(MESSAGE);
    let frame = |(number, body)| Frame { seq: number + 1, kind: Kind::Rows.into(), body, ..Frame::default() };
    let frames = tokio_stream::iter((0_u64..).zip(load.pieces()).map(frame));
    let began = Instant::now();
    let mut answers = client.channel(frames).await.map_err(unexpected)?.into_inner();
    let last = answers.next().await.transpose().map_err(unexpected)?.unwrap_or_default();
    let took = began.elapsed();
    serving.abort();
    let pieces = load.pieces().count() as u64;
    if last.seq != pieces {
        return Err(unexpected(format!("{} of {pieces} frames arrived", last.seq)));
    }
    Ok(took)
}
