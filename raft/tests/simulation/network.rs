//! Connections between simulated hosts.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use etl_raft::NodeId;
use etl_raft::network::{Connection, Dialer};
use futures::future::BoxFuture;
use futures::{FutureExt, Stream, stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::server::Connected;
use turmoil::net::{TcpListener, TcpStream};

use crate::weather::Weather;

pub const PORT: u16 = 7000;

pub fn host(node: NodeId) -> String {
    format!("n{node}")
}

/// HOST:PORT of a node.
pub fn address(node: NodeId) -> String {
    format!("{}:{PORT}", host(node))
}

fn node_at(address: &str) -> Option<NodeId> {
    address.split(':').next()?.strip_prefix('n')?.parse().ok()
}

/// What the node `from` dials with.
pub struct SimulatedDialer {
    pub from: NodeId,
    pub weather: Arc<Weather>,
}

impl Dialer for SimulatedDialer {
    fn dial(&self, address: String) -> BoxFuture<'static, io::Result<Connection>> {
        let (from, weather) = (self.from, self.weather.clone());
        async move {
            let to = node_at(&address).ok_or(io::ErrorKind::InvalidInput)?;
            weather.sends(from, to);
            if weather.is_blocked(from, to) {
                // There is no answer. The simulator would refuse the connection, as if the process had died.
                return std::future::pending().await;
            }
            let stream = TcpStream::connect((host(to), PORT)).await?;
            Ok(Box::new(Watched { stream, from, to, weather }) as Connection)
        }
        .boxed()
    }
}

/// What others dial. Never ends.
pub async fn listen(
    me: NodeId,
    weather: Arc<Weather>,
) -> io::Result<impl Stream<Item = io::Result<Watched>>> {
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    Ok(stream::unfold((listener, weather), move |(listener, weather)| async move {
        let accepted = listener.accept().await.and_then(|(stream, peer)| {
            let name = turmoil::reverse_lookup(peer.ip()).ok_or(io::ErrorKind::NotFound)?;
            let to = node_at(&name).ok_or(io::ErrorKind::NotFound)?;
            Ok(Watched { stream, from: me, to, weather: weather.clone() })
        });
        Some((accepted, (listener, weather)))
    }))
}

/// Tells the weather what is sent.
pub struct Watched {
    stream: TcpStream,
    from: NodeId,
    to: NodeId,
    weather: Arc<Weather>,
}

impl Connected for Watched {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.weather.sends(self.from, self.to);
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
