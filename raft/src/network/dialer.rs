use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tonic::transport::{Channel, Endpoint, Server};
use tower::service_fn;

/// A connection of bytes in both directions.
pub type Connection = Box<dyn ReadWrite + Send>;

/// What a [`Connection`] can do.
pub trait ReadWrite: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> ReadWrite for T {}

/// Makes the connections to other nodes: plain TCP, TLS, or a simulated network.
pub trait Dialer: Send + Sync + 'static {
    /// Connects to HOST:PORT. Small messages must leave at once (`TCP_NODELAY`).
    fn dial(&self, address: String) -> BoxFuture<'static, io::Result<Connection>>;
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(3);

/// With HTTP/2's 64 KiB a request of 1 MiB would wait for the other side many times.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 8 << 20;

/// A gRPC channel to HOST:PORT over the dialer's connections. Nothing is dialled before the first call, and a lost connection is
/// dialled again by the next call; a silent one is given up after 8 seconds.
///
/// Needs to be called within a Tokio runtime.
pub fn channel(dialer: Arc<dyn Dialer>, address: impl Into<String>) -> Channel {
    let address = address.into();
    // The dialer alone knows how to get to the address; the name in the URI is only what HTTP/2 asks for.
    Endpoint::from_static("http://node.actix-etl")
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .connect_with_connector_lazy(service_fn(move |_| {
            let connecting = dialer.dial(address.clone());
            async move { connecting.await.map(TokioIo::new) }
        }))
}

/// A gRPC server with the settings that fit [`channel`]: windows for large messages, and connections of clients that have
/// vanished are noticed after 8 seconds.
pub fn server() -> Server {
    Server::builder()
        .tcp_nodelay(true)
        .http2_keepalive_interval(Some(KEEP_ALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEP_ALIVE_TIMEOUT))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
}
