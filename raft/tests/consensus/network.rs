//! A network of which every connection can be cut, held back or slowed down.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use etl_raft::network::{Connection, Dialer};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// Who speaks to which address.
pub type Way = (String, String);

#[derive(Default)]
struct Shared {
    blocked: BTreeSet<Way>,
    open: BTreeMap<Way, Vec<Arc<Wire>>>,
}

/// All connections between the nodes of a test.
#[derive(Clone, Default)]
pub struct Network {
    shared: Arc<Mutex<Shared>>,
    /// Bytes per second of each new connection, 0 for as fast as it goes.
    speed: Arc<AtomicU64>,
}

impl Network {
    /// What the node at `from` dials with.
    pub fn dialer(&self, from: &str) -> Arc<dyn Dialer> {
        Arc::new(From { network: self.clone(), from: from.to_owned() })
    }

    pub fn set_speed(&self, bytes_per_second: u64) {
        self.speed.store(bytes_per_second, Ordering::SeqCst);
    }

    /// Nothing passes in either direction; connections die without a word, new ones are not answered.
    pub fn separate(&self, a: &str, b: &str) {
        for way in [(a.to_owned(), b.to_owned()), (b.to_owned(), a.to_owned())] {
            let mut shared = self.shared.lock().unwrap();
            shared.blocked.insert(way.clone());
            for wire in shared.open.get(&way).into_iter().flatten() {
                wire.silence();
            }
        }
    }

    /// What was separated can make new connections; the old ones are lost.
    pub fn heal(&self) {
        let mut shared = self.shared.lock().unwrap();
        for way in std::mem::take(&mut shared.blocked) {
            for wire in shared.open.remove(&way).into_iter().flatten() {
                wire.cut();
            }
        }
    }

    /// From now on nothing that comes back from `to` reaches `from` on the connections that there are.
    pub fn hold_answers(&self, from: &str, to: &str) {
        for wire in self.wires(from, to) {
            wire.hold_answers();
        }
    }

    /// Breaks the connections that there are.
    pub fn cut(&self, from: &str, to: &str) {
        for wire in self.wires(from, to) {
            wire.cut();
        }
    }

    /// Waits until so many bytes have left on one of the connections that there are.
    pub async fn until_sent(&self, from: &str, to: &str, bytes: u64) {
        let sent = |wire: &Arc<Wire>| {
            !wire.broken.load(Ordering::SeqCst) && wire.sent.load(Ordering::SeqCst) >= bytes
        };
        let sending = async {
            while !self.wires(from, to).iter().any(sent) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), sending).await.expect("sent in time");
    }

    fn wires(&self, from: &str, to: &str) -> Vec<Arc<Wire>> {
        let way = (from.to_owned(), to.to_owned());
        self.shared.lock().unwrap().open.get(&way).cloned().unwrap_or_default()
    }
}

struct From {
    network: Network,
    from: String,
}

impl Dialer for From {
    fn dial(&self, address: String) -> BoxFuture<'static, io::Result<Connection>> {
        let (network, way) = (self.network.clone(), (self.from.clone(), address.clone()));
        async move {
            if network.shared.lock().unwrap().blocked.contains(&way) {
                // As when packets are dropped: there is no answer.
                return std::future::pending().await;
            }
            let stream = TcpStream::connect(&address).await?;
            stream.set_nodelay(true)?;
            let wire = Arc::new(Wire::default());
            let mut shared = network.shared.lock().unwrap();
            if shared.blocked.contains(&way) {
                wire.silence();
            }
            shared.open.entry(way).or_default().push(wire.clone());
            let speed = network.speed.load(Ordering::SeqCst);
            Ok(Box::new(Tapped { stream, wire, speed, rest: None }) as Connection)
        }
        .boxed()
    }
}

/// What a test does to one connection.
#[derive(Default)]
pub struct Wire {
    reads_held: AtomicBool,
    writes_held: AtomicBool,
    broken: AtomicBool,
    sent: AtomicU64,
    waiting: Mutex<Vec<Waker>>,
}

impl Wire {
    fn hold_answers(&self) {
        self.reads_held.store(true, Ordering::SeqCst);
        self.wake();
    }

    fn silence(&self) {
        self.writes_held.store(true, Ordering::SeqCst);
        self.hold_answers();
    }

    fn cut(&self) {
        self.broken.store(true, Ordering::SeqCst);
        self.wake();
    }

    fn wake(&self) {
        self.waiting.lock().unwrap().drain(..).for_each(Waker::wake);
    }

    /// Ready when bytes may pass.
    fn poll(&self, held: &AtomicBool, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut waiting = self.waiting.lock().unwrap();
        if self.broken.load(Ordering::SeqCst) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            waiting.push(context.waker().clone());
        }
        if held.load(Ordering::SeqCst) { Poll::Pending } else { Poll::Ready(Ok(())) }
    }
}

struct Tapped {
    stream: TcpStream,
    wire: Arc<Wire>,
    /// Bytes per second that can be written.
    speed: u64,
    rest: Option<Pin<Box<Sleep>>>,
}

impl AsyncRead for Tapped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.wire.poll(&self.wire.reads_held, context) {
            Poll::Ready(Ok(())) => Pin::new(&mut self.stream).poll_read(context, buffer),
            other => other,
        }
    }
}

impl AsyncWrite for Tapped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        futures::ready!(self.wire.poll(&self.wire.writes_held, context))?;
        if self.speed == 0 {
            let written = futures::ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
            self.wire.sent.fetch_add(written as u64, Ordering::SeqCst);
            return Poll::Ready(Ok(written));
        }
        if let Some(rest) = &mut self.rest {
            futures::ready!(rest.as_mut().poll(context));
            self.rest = None;
        }
        let portion = bytes.len().min(4096);
        let written = futures::ready!(Pin::new(&mut self.stream).poll_write(context, &bytes[..portion]))?;
        self.wire.sent.fetch_add(written as u64, Ordering::SeqCst);
        let pause = Duration::from_micros(written as u64 * 1_000_000 / self.speed);
        self.rest = Some(Box::pin(tokio::time::sleep_until(Instant::now() + pause)));
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
