use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Passes connections on, and cuts them.
pub struct Proxy {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    accepting: tokio::task::JoinHandle<()>,
}

struct Shared {
    target: Mutex<SocketAddr>,
    /// Bytes that the next connections pass in both directions together before they are cut.
    cuts: Mutex<Vec<usize>>,
    connections: AtomicUsize,
    /// Cuts those that are open.
    cut: Mutex<CancellationToken>,
    /// Whether new connections are refused.
    closed: std::sync::atomic::AtomicBool,
}

impl Proxy {
    /// In front of an address. The first connections are cut after so many bytes each, later ones are not.
    pub async fn before(target: SocketAddr, mut cuts: Vec<usize>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        cuts.reverse();
        let shared = Arc::new(Shared {
            target: Mutex::new(target),
            cuts: Mutex::new(cuts),
            connections: AtomicUsize::new(0),
            cut: Mutex::default(),
            closed: std::sync::atomic::AtomicBool::new(false),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, accepting }
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Cuts all connections that are open.
    pub fn cut(&self) {
        std::mem::take(&mut *self.shared.cut.lock().unwrap()).cancel();
    }

    /// Cuts all connections, and lets none through until it is opened.
    pub fn close(&self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        self.cut();
    }

    pub fn open(&self) {
        self.shared.closed.store(false, Ordering::SeqCst);
    }

    /// Passes new connections on to another address.
    pub fn point_to(&self, target: SocketAddr) {
        *self.shared.target.lock().unwrap() = target;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let (inner, _) = listener.accept().await.unwrap();
        if shared.closed.load(Ordering::SeqCst) {
            continue;
        }
        shared.connections.fetch_add(1, Ordering::SeqCst);
        let limit = shared.cuts.lock().unwrap().pop().unwrap_or(usize::MAX);
        let (cut, target) = (shared.cut.lock().unwrap().clone(), *shared.target.lock().unwrap());
        tokio::spawn(async move {
            let Ok(outer) = TcpStream::connect(target).await else { return };
            inner.set_nodelay(true).unwrap();
            outer.set_nodelay(true).unwrap();
            let left = AtomicUsize::new(limit);
            let (from, to) = (inner.into_split(), outer.into_split());
            tokio::select! {
                () = cut.cancelled() => {}
                () = pass(from.0, to.1, &left) => {}
                () = pass(to.0, from.1, &left) => {}
            }
        });
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, left: &AtomicUsize) {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else { return };
        let before = left.fetch_sub(read.min(left.load(Ordering::SeqCst)), Ordering::SeqCst);
        let passed = read.min(before);
        if to.write_all(&buffer[..passed]).await.is_err() || passed < read || before == passed {
            return;
        }
    }
}
