use std::num::NonZeroUsize;
use std::sync::mpsc;
use std::thread::JoinHandle;

use actix_rt::{Arbiter, ArbiterHandle, System};

use crate::EngineError;

/// The threads on which the actors of a node live. Dropping it ends them all.
pub struct ActorSystem {
    system: System,
    main: ArbiterHandle,
    arbiters: Vec<ArbiterHandle>,
    thread: Option<JoinHandle<()>>,
}

impl ActorSystem {
    /// Starts a thread for those that lead, and `workers` threads for chains.
    pub fn start(workers: NonZeroUsize) -> Result<Self, EngineError> {
        let failed = |error: &dyn std::fmt::Display| EngineError::Internal(format!("actor threads: {error}"));
        let (sender, started) = mpsc::channel();
        let thread = std::thread::Builder::new().name("actors".to_owned()).spawn(move || {
            let runner = System::new();
            let arbiters: Vec<Arbiter> =
                runner.block_on(async { (0..workers.get()).map(|_| Arbiter::new()).collect() });
            let handles: Vec<ArbiterHandle> = arbiters.iter().map(Arbiter::handle).collect();
            let system = System::current();
            // Without a receiver the start was given up, and with it the system's last handle.
            let _ = sender.send((system.clone(), system.arbiter().clone(), handles));
            drop(system);
            if let Err(error) = runner.run() {
                tracing::error!(%error, "the actor threads have ended badly");
            }
            for arbiter in arbiters {
                arbiter.stop();
                // A thread that has panicked is gone as well.
                let _ = arbiter.join();
            }
        });
        let thread = thread.map_err(|error| failed(&error))?;
        let (system, main, arbiters) = started.recv().map_err(|error| failed(&error))?;
        Ok(Self { system, main, arbiters, thread: Some(thread) })
    }

    pub(crate) fn arbiter(&self) -> &ArbiterHandle {
        &self.main
    }

    pub(crate) fn arbiters(&self) -> &[ArbiterHandle] {
        &self.arbiters
    }
}

impl Drop for ActorSystem {
    fn drop(&mut self) {
        self.system.stop();
        if let Some(thread) = self.thread.take() {
            // It ends as soon as the actors have let go; a panic there has been logged.
            let _ = thread.join();
        }
    }
}
