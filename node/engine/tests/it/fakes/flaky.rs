use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use etl_model::Route;
use etl_sdk::{ConnectorError, Destination, DestinationCapabilities, Encoder, RouteWriter, RunContext};

use super::Memory;

/// A destination that cannot be opened while it is down. Clones are the same.
#[derive(Clone, Default)]
pub struct Flaky {
    pub memory: Memory,
    pub down: Arc<AtomicBool>,
    /// When it was asked to be opened.
    pub calls: Arc<Mutex<Vec<Instant>>>,
}

impl Flaky {
    pub fn down() -> Self {
        let flaky = Self::default();
        flaky.down.store(true, Ordering::SeqCst);
        flaky
    }

    pub fn heal(&self) {
        self.down.store(false, Ordering::SeqCst);
    }

    /// How often it was called.
    pub fn calls(&self) -> usize {
        self.calls.lock().unwrap().len()
    }

    /// How far apart the last calls were.
    pub fn gaps(&self, last: usize) -> Vec<Duration> {
        let calls = self.calls.lock().unwrap();
        let gaps: Vec<Duration> = calls.windows(2).map(|pair| pair[1] - pair[0]).collect();
        gaps[gaps.len().saturating_sub(last)..].to_vec()
    }
}

#[async_trait]
impl Destination for Flaky {
    fn capabilities(&self) -> DestinationCapabilities {
        self.memory.capabilities()
    }

    async fn check(&self, run: &RunContext) -> Result<(), ConnectorError> {
        self.memory.check(run).await
    }

    fn encoder(&self) -> Arc<dyn Encoder> {
        self.memory.encoder()
    }

    async fn open(
        &self,
        run: &RunContext,
        route: &Route,
        index: usize,
    ) -> Result<Box<dyn RouteWriter>, ConnectorError> {
        self.calls.lock().unwrap().push(Instant::now());
        if self.down.load(Ordering::SeqCst) {
            return Err(ConnectorError::transient("down", "connection refused"));
        }
        self.memory.open(run, route, index).await
    }

    async fn complete(&self, run: &RunContext, routes: &[Route]) -> Result<(), ConnectorError> {
        self.memory.complete(run, routes).await
    }
}
