use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a server does with a request.
#[derive(Clone)]
pub enum Act {
    /// These bytes, and the end of the connection.
    Say(Vec<u8>),
    /// The same, after a while.
    Late(Duration, Vec<u8>),
    /// Nothing, for ever.
    Nothing,
    /// The connection is reset.
    Reset,
    /// A head, and a body without end.
    Endless(&'static str),
}

/// A server that does with a request, by its number and body, what it is told. Stops with the test's runtime.
#[derive(Clone)]
pub struct Server {
    pub address: SocketAddr,
    pub requests: Arc<AtomicUsize>,
    /// Bytes of endless bodies that went out.
    pub sent: Arc<AtomicU64>,
    /// When requests came.
    pub moments: Arc<Mutex<Vec<Instant>>>,
    /// Late answers that are awaited, and the most at once.
    pub awaited: Arc<Mutex<(usize, usize)>>,
}

pub fn answer(head: &str, body: &str) -> Act {
    Act::Say(
        format!("HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
            .into_bytes(),
    )
}

impl Server {
    pub async fn start(act: impl Fn(usize, &str) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            requests: Arc::default(),
            sent: Arc::default(),
            moments: Arc::default(),
            awaited: Arc::default(),
        };
        let (shared, act) = (server.clone(), Arc::new(act));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (act, server) = (act.clone(), shared.clone());
                tokio::spawn(async move { server.serve(stream, &*act).await });
            }
        });
        server
    }

    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    async fn serve(&self, mut stream: TcpStream, act: &(dyn Fn(usize, &str) -> Act + Send + Sync)) {
        let (mut read, mut buffer) = (Vec::new(), [0; 1024]);
        let body = loop {
            if let Some(body) = body_of(&read) {
                break body;
            }
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(bytes) => read.extend_from_slice(&buffer[..bytes]),
            }
        };
        self.moments.lock().unwrap().push(Instant::now());
        match act(self.requests.fetch_add(1, Ordering::SeqCst), &body) {
            Act::Say(bytes) => say(stream, &bytes).await,
            Act::Late(after, bytes) => {
                {
                    let mut awaited = self.awaited.lock().unwrap();
                    awaited.0 += 1;
                    awaited.1 = awaited.1.max(awaited.0);
                }
                tokio::time::sleep(after).await;
                self.awaited.lock().unwrap().0 -= 1;
                say(stream, &bytes).await;
            }
            Act::Nothing => std::future::pending().await,
            Act::Reset => stream.set_zero_linger().unwrap(),
            Act::Endless(head) => {
                let _ = stream.write_all(head.as_bytes()).await;
                let piece = [b'x'; 8192];
                while stream.write_all(&piece).await.is_ok() {
                    self.sent.fetch_add(piece.len() as u64, Ordering::SeqCst);
                }
            }
        }
    }
}

async fn say(mut stream: TcpStream, bytes: &[u8]) {
    // The other side may have given up.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
}

/// The body of a request that has come whole.
fn body_of(read: &[u8]) -> Option<String> {
    let end = read.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&read[..end]).unwrap().to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
    let body = read.get(end..end + length)?;
    Some(String::from_utf8(body.to_vec()).unwrap())
}
