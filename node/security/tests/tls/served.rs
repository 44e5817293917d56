use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use etl_security::{Connection, Connector, Credentials, Listener, PeerInfo, Peers};
use futures::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long anything here may take; only a broken program takes that long.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A listener that answers every byte with the same byte.
pub struct Served {
    pub address: SocketAddr,
    /// Who got in, one after the other.
    pub peers: mpsc::UnboundedReceiver<PeerInfo>,
    task: JoinHandle<()>,
}

impl Served {
    pub fn start(credentials: Option<Credentials>, peers: Peers) -> Self {
        let listener = Listener::bind(([127, 0, 0, 1], 0).into(), credentials, peers).unwrap();
        let address = listener.address();
        let (sender, receiver) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            let mut connections = std::pin::pin!(listener.connections());
            while let Some(connection) = connections.next().await {
                let connection = connection.unwrap();
                sender.send(connection.peer().clone()).unwrap();
                tokio::spawn(echo(connection));
            }
        });
        Self { address, peers: receiver, task }
    }

    pub fn at(&self, host: &str) -> String {
        format!("{host}:{}", self.address.port())
    }

    pub async fn peer(&mut self) -> PeerInfo {
        timeout(PATIENCE, self.peers.recv()).await.unwrap().unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn echo(mut connection: Connection) -> io::Result<()> {
    let mut byte = [0];
    loop {
        connection.read_exact(&mut byte).await?;
        connection.write_all(&byte).await?;
        connection.flush().await?;
    }
}

/// Sends one byte and waits for it to come back.
pub async fn speak(connection: &mut Connection) -> io::Result<()> {
    let mut byte = [0];
    connection.write_all(&[42]).await?;
    connection.flush().await?;
    timeout(PATIENCE, connection.read_exact(&mut byte)).await.unwrap()?;
    match byte {
        [42] => Ok(()),
        [other] => {
            Err(io::Error::new(io::ErrorKind::InvalidData, format!("{other} came back instead of 42")))
        }
    }
}

/// Dials and speaks.
pub async fn dial(credentials: Option<Credentials>, address: &str) -> io::Result<Connection> {
    let mut connection = Connector::new(credentials).connect(address).await?;
    speak(&mut connection).await?;
    Ok(connection)
}

/// What a dial that must fail says.
#[track_caller]
pub fn refusal(result: io::Result<Connection>) -> String {
    match result {
        Ok(_) => panic!("let in"),
        Err(error) => error.to_string(),
    }
}
