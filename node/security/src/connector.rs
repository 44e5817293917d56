use std::io;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{TlsConnector, TlsStream};

use crate::connection::in_words;
use crate::names::server_name;
use crate::{Connection, Credentials, sockets};

/// How long name resolution and TCP together may take, and then the handshake.
const STEP_TIMEOUT: Duration = Duration::from_secs(5);

/// Dials, with TLS when it was given credentials. Clones share them.
#[derive(Debug, Clone)]
pub struct Connector {
    credentials: Option<Credentials>,
}

impl Connector {
    /// With `None`, connections are plain TCP.
    pub fn new(credentials: Option<Credentials>) -> Self {
        Self { credentials }
    }

    /// Dials `HOST:PORT`. With TLS, whoever answers must show a certificate for HOST that a trusted authority signed.
    ///
    /// # Errors
    /// Of the kind of the cause (refused, timed out, invalid data for what TLS refused), with the address and the cause in
    /// the message. With TLS 1.3 a listener's refusal of the own certificate comes with the first read, not here.
    pub async fn connect(&self, address: &str) -> io::Result<Connection> {
        let failed = |error: io::Error| io::Error::new(error.kind(), format!("{address}: {error}"));
        let late = |what: &str| {
            let message = format!("{address}: {what} took longer than {} s", STEP_TIMEOUT.as_secs());
            io::Error::new(io::ErrorKind::TimedOut, message)
        };
        let name = match &self.credentials {
            Some(_) => Some(
                server_name(address)
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error.to_string()))?,
            ),
            None => None,
        };
        let dialled = timeout(STEP_TIMEOUT, TcpStream::connect(address)).await;
        let stream = dialled.map_err(|_| late("connecting"))?.map_err(failed)?;
        sockets::tune(&stream).map_err(failed)?;
        let (Some(credentials), Some(name)) = (&self.credentials, name) else {
            return Ok(Connection::plain(stream));
        };
        let tls = TlsConnector::from(std::sync::Arc::clone(&credentials.current().client));
        let shaken = timeout(STEP_TIMEOUT, tls.connect(name, stream)).await;
        let stream =
            shaken.map_err(|_| late("the TLS handshake"))?.map_err(|error| failed(explain(error)))?;
        Ok(Connection::tls(TlsStream::Client(stream)))
    }
}

/// The same error with words for what TLS says.
fn explain(error: io::Error) -> io::Error {
    let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).map(in_words);
    match cause {
        Some(cause) => io::Error::new(error.kind(), cause),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            io::Error::new(error.kind(), "the other side ended the TLS handshake; does it speak TLS?")
        }
        None => error,
    }
}
