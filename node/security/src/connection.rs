use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::CertificateDer;
use rustls::{AlertDescription, CertificateError};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_rustls::TlsStream;
use tonic::transport::server::Connected;

use crate::certificate::CertificateFacts;

/// A connection over TCP, with or without TLS; which side dialled makes no difference.
pub struct Connection {
    stream: Stream,
    peer: PeerInfo,
    /// Its place among the connections of the listener.
    _place: Option<OwnedSemaphorePermit>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Who is at the other end; an extension of each request that a listener's connections carry.
#[derive(Debug, Clone, Default)]
pub struct PeerInfo {
    /// `None` when the connection was gone already.
    pub address: Option<SocketAddr>,
    /// What its certificate says, which has been verified; `None` when it showed none.
    pub certificate: Option<Arc<CertificateFacts>>,
}

impl Connection {
    pub(crate) fn plain(stream: TcpStream) -> Self {
        let peer = PeerInfo { address: stream.peer_addr().ok(), certificate: None };
        Self { stream: Stream::Plain(stream), peer, _place: None }
    }

    pub(crate) fn tls(stream: TlsStream<TcpStream>) -> Self {
        let (tcp, session) = stream.get_ref();
        let certificate = session.peer_certificates().and_then(<[CertificateDer<'_>]>::first);
        let certificate = certificate.and_then(|der| CertificateFacts::parse(der)).map(Arc::new);
        let peer = PeerInfo { address: tcp.peer_addr().ok(), certificate };
        Self { stream: Stream::Tls(Box::new(stream)), peer, _place: None }
    }

    /// Holds a place until the connection is dropped.
    pub(crate) fn with_place(self, place: OwnedSemaphorePermit) -> Self {
        Self { _place: Some(place), ..self }
    }

    /// Who is at the other end.
    pub fn peer(&self) -> &PeerInfo {
        &self.peer
    }
}

impl Connected for Connection {
    type ConnectInfo = PeerInfo;

    fn connect_info(&self) -> PeerInfo {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Stream::Tls(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

/// What went wrong in a handshake, for whoever has to mend it.
pub(crate) fn in_words(error: &rustls::Error) -> String {
    use rustls::Error as Tls;
    match error {
        Tls::InvalidCertificate(problem) => certificate_in_words(problem),
        Tls::AlertReceived(AlertDescription::CertificateRequired) => {
            "the other side asks for a certificate, and none was shown".to_owned()
        }
        Tls::AlertReceived(AlertDescription::CertificateExpired) => {
            "the other side refused the certificate shown to it because it has expired".to_owned()
        }
        Tls::AlertReceived(AlertDescription::UnknownCA) => {
            "the other side does not trust the authority of the certificate shown to it".to_owned()
        }
        Tls::AlertReceived(alert) => format!("the other side refused: {alert:?}"),
        Tls::InvalidMessage(_) => "the other side does not speak TLS".to_owned(),
        Tls::NoCertificatesPresented => "no certificate was shown".to_owned(),
        other => other.to_string(),
    }
}

fn certificate_in_words(problem: &CertificateError) -> String {
    match problem {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the certificate is not valid yet; compare the clocks of the machines".to_owned()
        }
        CertificateError::UnknownIssuer => {
            "the certificate was signed by an authority that is not trusted".to_owned()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "the certificate is not meant for this purpose (a node's serves and dials, a tool's only dials)"
                .to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("the certificate is for another name: {problem}")
        }
        other => format!("the certificate cannot be used: {other}"),
    }
}
