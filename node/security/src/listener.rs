use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsStream};
use tokio_stream::wrappers::ReceiverStream;

use crate::connection::in_words;
use crate::{Connection, Credentials, Error, sockets};

/// How long a client may take for its handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections that are open or shaking hands at the same time; further ones wait in the kernel.
const MAX_CONNECTIONS: usize = 1024;
/// Waiting time after an error of `accept`, which may mean that file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Whom a listener with TLS lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peers {
    /// Nodes and tools; without a certificate, too, where the settings ask for none.
    Anyone,
    /// Nodes alone, whatever the settings say: those whose certificate is also one to accept connections with.
    Nodes,
}

/// Accepts connections, with TLS when it was given credentials.
///
/// Bound at once, so that its address is known; nothing is accepted before [`Self::connections`].
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    credentials: Option<Credentials>,
    peers: Peers,
}

impl Listener {
    /// Binds a port; with port 0 the system chooses one. Must be called inside a tokio runtime.
    pub fn bind(address: SocketAddr, credentials: Option<Credentials>, peers: Peers) -> Result<Self, Error> {
        let listen = |source| Error::Listen { address, source };
        let socket = std::net::TcpListener::bind(address).map_err(listen)?;
        socket.set_nonblocking(true).map_err(listen)?;
        let address = socket.local_addr().map_err(listen)?;
        let socket = TcpListener::from_std(socket).map_err(listen)?;
        Ok(Self { socket, address, credentials, peers })
    }

    /// The address it is bound to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The connections that were accepted and, with TLS, have shaken hands; the stream does not end and yields no error.
    /// Handshakes run beside each other. Dropping the stream closes the port.
    pub fn connections(self) -> impl Stream<Item = io::Result<Connection>> + Send + use<> {
        let (sender, receiver) = mpsc::channel(16);
        tokio::spawn(self.accept(sender));
        ReceiverStream::new(receiver)
    }

    /// Ends when the stream is dropped, and handshakes under way with it.
    async fn accept(self, sender: mpsc::Sender<io::Result<Connection>>) {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut handshakes = JoinSet::new();
        loop {
            while handshakes.try_join_next().is_some() {}
            let accepted = tokio::select! {
                () = sender.closed() => return,
                accepted = self.accept_one(&places) => accepted,
            };
            let (stream, address, place) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(listener = %self.address, %error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let shaking = Self::shake(stream, self.credentials.clone(), self.peers);
            let (sender, listener) = (sender.clone(), self.address);
            handshakes.spawn(async move {
                match timeout(HANDSHAKE_TIMEOUT, shaking).await {
                    // The receiver is gone only when the listener is being closed.
                    Ok(Ok(connection)) => drop(sender.send(Ok(connection.with_place(place))).await),
                    Ok(Err(reason)) => tracing::warn!(%listener, peer = %address, reason, "connection refused"),
                    Err(_) => tracing::warn!(%listener, peer = %address, "connection refused: the handshake took too long"),
                }
            });
        }
    }

    async fn accept_one(
        &self,
        places: &Arc<Semaphore>,
    ) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        // The semaphore is never closed.
        let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
        let (stream, address) = self.socket.accept().await?;
        Ok((stream, address, place))
    }

    async fn shake(
        stream: TcpStream,
        credentials: Option<Credentials>,
        peers: Peers,
    ) -> Result<Connection, String> {
        sockets::tune(&stream).map_err(|error| error.to_string())?;
        let Some(credentials) = credentials else { return Ok(Connection::plain(stream)) };
        let material = credentials.current();
        let Some(servers) = &material.servers else {
            return Err("the credentials of a tool cannot serve".to_owned());
        };
        let config = match peers {
            Peers::Anyone => &servers.as_set,
            Peers::Nodes => &servers.strict,
        };
        let accepting = TlsAcceptor::from(Arc::clone(config)).accept(stream);
        let connection = Connection::tls(TlsStream::Server(accepting.await.map_err(|error| reason(&error))?));
        let is_node = connection.peer().certificate.as_ref().is_some_and(|certificate| certificate.serves);
        if peers == Peers::Nodes && !is_node {
            return Err("only nodes are let in here, and the certificate shown is that of a tool".to_owned());
        }
        Ok(connection)
    }
}

fn reason(error: &io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(error) => in_words(error),
        None => error.to_string(),
    }
}
