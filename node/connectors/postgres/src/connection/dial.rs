use std::io;
use std::pin::Pin;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio_postgres::config::{SslMode as Negotiation, SslNegotiation};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Client, Config, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::session::Driver;
use super::transport::Transport;
use crate::PostgresError;
use crate::error::At;
use crate::wire::{Diverting, Lane};

/// What a client asks before anything else: whether the server encrypts (PostgreSQL manual, "SSLRequest").
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// Whether a connection is encrypted.
#[derive(Clone)]
pub(super) enum Encryption {
    /// It is not.
    Never,
    /// It is if the server can.
    Preferred(MakeRustlsConnect),
    /// It is, or there is none.
    Required(MakeRustlsConnect),
}

/// Connects and logs in. The second half of what it returns moves the connection's bytes while it is polled.
pub(super) async fn dial(
    config: &Config,
    socket_directory: Option<&str>,
    encryption: Encryption,
    lane: &Arc<Lane>,
    place: &str,
) -> Result<(Client, Driver), PostgresError> {
    let mut config = config.clone();
    let Some(directory) = socket_directory else {
        // The driver makes the socket, and leaves it to the dialer to ask for encryption.
        config.ssl_mode(Negotiation::Require).ssl_negotiation(SslNegotiation::Direct);
        let (client, connection) =
            config.connect(Dialer { encryption, lane: lane.clone() }).await.at(place)?;
        return Ok((client, Box::pin(moved(connection, place.to_owned()))));
    };
    // As libpq: there is no encryption inside a machine, whatever was asked for.
    config.ssl_mode(Negotiation::Disable);
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let path = std::path::Path::new(directory).join(format!(".s.PGSQL.{port}"));
    let socket = UnixStream::connect(&path).await.map_err(|error| PostgresError::Transient {
        code: "postgres_connection",
        message: format!("{place}: {}: {error}", path.display()),
    })?;
    let stream = Diverting::new(Transport::Local(socket), lane.clone());
    let (client, connection) = config.connect_raw(stream, NoTls).await.at(place)?;
    Ok((client, Box::pin(moved(connection, place.to_owned()))))
}

/// Moves the connection's bytes. Every error reaches the client's pending request, too.
async fn moved(connection: impl Future<Output = Result<(), tokio_postgres::Error>>, place: String) {
    if let Err(error) = connection.await {
        tracing::debug!(%place, %error, "connection ended");
    }
}

/// Makes the stream of a connection from its socket: encrypted or not, and with a way out for rows.
struct Dialer {
    encryption: Encryption,
    lane: Arc<Lane>,
}

impl MakeTlsConnect<Socket> for Dialer {
    type Stream = Diverting<Transport>;
    type TlsConnect = Call;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> io::Result<Call> {
        Ok(Call { encryption: self.encryption.clone(), lane: Arc::clone(&self.lane), host: host.to_owned() })
    }
}

/// One call to one host.
struct Call {
    encryption: Encryption,
    lane: Arc<Lane>,
    host: String,
}

impl TlsConnect<Socket> for Call {
    type Stream = Diverting<Transport>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Diverting<Transport>>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move {
            let transport = transport(socket, self.encryption, &self.host).await?;
            Ok(Diverting::new(transport, self.lane))
        })
    }
}

async fn transport(mut socket: Socket, encryption: Encryption, host: &str) -> io::Result<Transport> {
    let (mut tls, required) = match encryption {
        Encryption::Never => return Ok(Transport::Plain(socket)),
        Encryption::Preferred(tls) => (tls, false),
        Encryption::Required(tls) => (tls, true),
    };
    socket.write_all(&SSL_REQUEST).await?;
    let mut answer = [0];
    // Not one byte more: what follows is encrypted, and what came before must not be taken for it.
    socket.read_exact(&mut answer).await?;
    match (&answer, required) {
        (b"S", _) => {
            let connect = MakeTlsConnect::<Socket>::make_tls_connect(&mut tls, host);
            // Making it cannot fail.
            let Ok(connect) = connect;
            Ok(Transport::Encrypted(Box::new(connect.connect(socket).await?)))
        }
        (b"N", false) => Ok(Transport::Plain(socket)),
        (b"N", true) => Err(io::Error::other("server does not support TLS")),
        _ => {
            Err(io::Error::new(io::ErrorKind::InvalidData, "the server does not speak PostgreSQL's protocol"))
        }
    }
}
