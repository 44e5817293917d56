use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::timeout;

use super::server::Control;
use super::shared::{Progress, Shared};
use super::trigger::{Direction, Moment};

/// Bytes taken at once.
const PIECE: usize = 64 << 10;
/// The longest time that the target may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// Why a connection did not come to its end by itself.
enum Broken {
    /// The proxy cut it.
    Cut,
    /// One side broke it, so the other one gets it broken.
    Failed,
}

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Self::Failed
    }
}

/// What both directions of a connection share.
struct Pair<'a> {
    shared: &'a Shared,
    control: watch::Receiver<Control>,
    /// The next bytes in this direction are the answer that gets lost.
    lose: Cell<Option<Direction>>,
}

/// Carries bytes between a client and the target until both have ended, one has failed, or it is cut.
pub async fn serve(
    mut client: TcpStream,
    target: SocketAddr,
    id: u64,
    shared: &Shared,
    control: watch::Receiver<Control>,
) {
    // Not cut before it is made: a socket that is not there yet cannot be reset.
    let connected = timeout(CONNECT, TcpStream::connect(target)).await;
    let Ok(Ok(mut server)) = connected else {
        reset(&client);
        drop(client);
        shared.close(id);
        return;
    };
    let mut told = control.clone();
    let result = tokio::select! {
        Ok(_) = told.wait_for(|control| control.cut_below > id) => Err(Broken::Cut),
        result = carry(&mut client, &mut server, shared, control) => result,
    };
    if let Err(broken) = result {
        if matches!(broken, Broken::Cut) {
            // Before anyone can see it.
            shared.count_cut();
        }
        reset(&server);
        reset(&client);
    }
    drop((server, client));
    shared.close(id);
}

/// Lets the closing of a socket be a reset instead of an orderly end.
fn reset(socket: &TcpStream) {
    // Fails only on a socket that is broken already.
    let _ = socket.set_zero_linger();
}

async fn carry(
    client: &mut TcpStream,
    server: &mut TcpStream,
    shared: &Shared,
    control: watch::Receiver<Control>,
) -> Result<(), Broken> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let pair = Pair { shared, control, lose: Cell::new(None) };
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    // Beside each other: a side that does not read must not keep the other direction from moving.
    tokio::try_join!(
        pair.pump(Direction::ToServer, from_client, to_server),
        pair.pump(Direction::ToClient, from_server, to_client),
    )?;
    Ok(())
}

impl Pair<'_> {
    async fn pump(
        &self,
        direction: Direction,
        mut from: ReadHalf<'_>,
        mut to: WriteHalf<'_>,
    ) -> Result<(), Broken> {
        let mut control = self.control.clone();
        let mut buffer = vec![0; PIECE];
        let mut progress = Progress::default();
        loop {
            let read = from.read(&mut buffer).await?;
            let piece = buffer.get(..read).unwrap_or_default();
            // An error is the end of the proxy, which ends this too.
            let _ = control.wait_for(|control| !control.paused).await;
            if self.lose.get() == Some(direction) {
                return Err(Broken::Cut);
            }
            if piece.is_empty() {
                to.shutdown().await?;
                return Ok(());
            }
            // A connection that waits for an answer to lose is not cut for another reason.
            let hit = match self.lose.get() {
                None => self.shared.observe(&mut progress, direction, piece),
                Some(_) => None,
            };
            let Some(hit) = hit else {
                to.write_all(piece).await?;
                continue;
            };
            match hit.moment {
                Moment::Before => {
                    to.write_all(piece.get(..hit.before).unwrap_or_default()).await?;
                    return Err(Broken::Cut);
                }
                Moment::Forwarded => {
                    to.write_all(piece).await?;
                    return Err(Broken::Cut);
                }
                Moment::AnswerLost => {
                    self.lose.set(Some(match direction {
                        Direction::ToServer => Direction::ToClient,
                        Direction::ToClient => Direction::ToServer,
                    }));
                    to.write_all(piece).await?;
                }
            }
        }
    }
}
