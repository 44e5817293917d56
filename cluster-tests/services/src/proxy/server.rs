use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::LocalSet;

use super::connection::serve;
use super::shared::Shared;
use super::trigger::Trigger;
use crate::ServiceError;

/// How long nobody is let in after the system refused to.
const RESPITE: Duration = Duration::from_millis(10);

/// What the handle tells the connections.
#[derive(Debug, Clone, Copy, Default)]
pub struct Control {
    pub paused: bool,
    /// Connections with a smaller number are to be cut.
    pub cut_below: u64,
    pub stopped: bool,
}

/// A TCP proxy between a client and a server, which can cut and hold connections.
///
/// It works on a thread of its own, so that it serves blocking and asynchronous tests alike; it ends, with its
/// connections, when dropped. A cut connection is reset on both sides.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    control: watch::Sender<Control>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Listens on a free port of 127.0.0.1 and connects every client to `target`.
    pub fn start(target: SocketAddr) -> Result<Self, ServiceError> {
        Self::start_at(Ipv4Addr::LOCALHOST, target)
    }

    /// The same at another address of this machine.
    pub fn start_at(at: Ipv4Addr, target: SocketAddr) -> Result<Self, ServiceError> {
        let failed = |source| ServiceError::io("the proxy")(source);
        let listener = std::net::TcpListener::bind((at, 0)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let shared = Arc::new(Shared::default());
        let (control, told) = watch::channel(Control::default());
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener).map_err(failed)?
        };
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("proxy".to_owned())
            .spawn(move || {
                let connections = LocalSet::new();
                runtime.block_on(connections.run_until(accept(listener, target, of_thread, told)));
            })
            .map_err(failed)?;
        Ok(Self { address, shared, control, thread: Some(thread) })
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts connections when bytes pass that a trigger waits for; in addition to the triggers that wait already.
    pub fn cut_when(&self, trigger: Trigger) {
        self.shared.arm(trigger);
    }

    /// Forgets the triggers that have not struck.
    pub fn disarm(&self) {
        self.shared.disarm();
    }

    /// Cuts all connections and returns when that has happened. New ones are accepted.
    pub fn cut_all(&self) {
        let below = self.shared.opened();
        self.control.send_modify(|control| control.cut_below = below);
        self.shared.wait_closed(below);
    }

    /// Holds all bytes, in both directions, of present and new connections; those on their way may still arrive.
    pub fn pause(&self) {
        self.control.send_modify(|control| control.paused = true);
    }

    /// Lets bytes pass again, the held ones first.
    pub fn resume(&self) {
        self.control.send_modify(|control| control.paused = false);
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> u64 {
        self.shared.opened()
    }

    /// Connections cut so far, by triggers and by [`Proxy::cut_all`].
    pub fn cuts(&self) -> u64 {
        self.shared.cuts()
    }

    /// Blocks until this many connections have been cut.
    ///
    /// # Errors
    /// [`ServiceError::TimedOut`] when it does not come to that within the limit.
    pub fn wait_for_cuts(&self, cuts: u64, limit: Duration) -> Result<(), ServiceError> {
        match self.shared.wait_cuts(cuts, limit) {
            true => Ok(()),
            false => Err(ServiceError::TimedOut { what: format!("the cut number {cuts}"), limit }),
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.control.send_modify(|control| control.stopped = true);
        if let Some(thread) = self.thread.take() {
            // It does not panic; if it did, there would be nothing left to stop.
            let _ = thread.join();
        }
    }
}

async fn accept(
    listener: TcpListener,
    target: SocketAddr,
    shared: Arc<Shared>,
    mut control: watch::Receiver<Control>,
) {
    let told = control.clone();
    let stopped = control.wait_for(|control| control.stopped);
    tokio::pin!(stopped);
    loop {
        let accepted = tokio::select! {
            _ = &mut stopped => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((client, _)) => {
                let (shared, told) = (Arc::clone(&shared), told.clone());
                let id = shared.open();
                tokio::task::spawn_local(async move { serve(client, target, id, &shared, told).await });
            }
            // Such as too many open files.
            Err(_) => tokio::time::sleep(RESPITE).await,
        }
    }
}
