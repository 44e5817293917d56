use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use actix_rt::{Arbiter, ArbiterHandle, System};

/// The threads on which the actors of channels live.
pub(super) struct Arbiters {
    system: System,
    arbiters: Vec<ArbiterHandle>,
    next: AtomicUsize,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Arbiters {
    /// Starts so many threads, and one that leads them.
    pub fn start(threads: NonZeroUsize) -> io::Result<Self> {
        let (sender, started) = mpsc::channel();
        let thread = std::thread::Builder::new().name("relay".to_owned()).spawn(move || {
            let runner = System::new();
            let arbiters: Vec<Arbiter> =
                runner.block_on(async { (0..threads.get()).map(|_| Arbiter::new()).collect() });
            let handles: Vec<ArbiterHandle> = arbiters.iter().map(Arbiter::handle).collect();
            // Without a receiver the start was given up, and with it the system's last handle.
            let _ = sender.send((System::current(), handles));
            if let Err(error) = runner.run() {
                tracing::error!(%error, "the threads of the relay have ended badly");
            }
            for arbiter in arbiters {
                arbiter.stop();
                // A thread that has panicked is gone as well.
                let _ = arbiter.join();
            }
        })?;
        let (system, arbiters) = started.recv().map_err(io::Error::other)?;
        Ok(Self { system, arbiters, next: AtomicUsize::new(0), thread: Mutex::new(Some(thread)) })
    }

    /// The thread for the next channel; none if there are none.
    pub fn next(&self) -> Option<&ArbiterHandle> {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        self.arbiters.get(next % self.arbiters.len().max(1))
    }

    /// Ends the threads and waits for them. Blocks.
    pub fn join(&self) {
        self.system.stop();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A panic there has been logged.
            let _ = thread.join();
        }
    }
}

impl Drop for Arbiters {
    fn drop(&mut self) {
        // They end by themselves; waiting could block a thread of the runtime that they need to end.
        self.system.stop();
    }
}
