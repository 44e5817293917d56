use std::collections::BTreeSet;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use etl_raft::network::{Connection, Dialer};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// TCP that can be cut.
#[derive(Default)]
pub struct Network {
    links: Mutex<Links>,
}

#[derive(Default)]
struct Links {
    /// Addresses of those that nobody reaches and that reach nobody.
    cut: BTreeSet<String>,
    /// Who speaks to which address.
    open: Vec<(Vec<String>, String, CancellationToken)>,
}

/// Connections of the node that listens at these addresses.
struct Cuttable {
    network: Arc<Network>,
    from: Vec<String>,
}

struct Stream {
    inner: TcpStream,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Network {
    pub fn dialer(self: &Arc<Self>, from: &[&str]) -> Arc<dyn Dialer> {
        let from = from.iter().map(|address| (*address).to_owned()).collect();
        Arc::new(Cuttable { network: self.clone(), from })
    }

    /// Takes the node that listens at these addresses off the network.
    pub fn cut(&self, addresses: &[&str]) {
        let mut links = self.links.lock().unwrap();
        links.cut.extend(addresses.iter().map(|address| (*address).to_owned()));
        let Links { cut, open } = &mut *links;
        open.retain(|(from, to, connection)| {
            let stays = !cut.contains(to) && from.iter().all(|from| !cut.contains(from));
            if !stays {
                connection.cancel();
            }
            stays
        });
    }

    pub fn heal(&self) {
        self.links.lock().unwrap().cut.clear();
    }

    fn open(&self, from: &[String], to: &str) -> io::Result<CancellationToken> {
        let mut links = self.links.lock().unwrap();
        if links.cut.contains(to) || from.iter().any(|from| links.cut.contains(from)) {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the network is cut"));
        }
        let connection = CancellationToken::new();
        links.open.push((from.to_vec(), to.to_owned(), connection.clone()));
        Ok(connection)
    }
}

impl Dialer for Cuttable {
    fn dial(&self, address: String) -> BoxFuture<'static, io::Result<Connection>> {
        let opened = self.network.open(&self.from, &address);
        async move {
            let cut = Box::pin(opened?.cancelled_owned());
            let inner = TcpStream::connect(address).await?;
            inner.set_nodelay(true)?;
            Ok(Box::new(Stream { inner, cut }) as Connection)
        }
        .boxed()
    }
}

impl Stream {
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.cut.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionReset.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// A network that nobody cuts.
pub fn dialer() -> Arc<dyn Dialer> {
    Arc::new(Network::default()).dialer(&[])
}
