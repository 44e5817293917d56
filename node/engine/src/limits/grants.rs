use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use tokio::time::Instant;

use super::grantor::Grantor;
use super::lease::{LeaseAnswer, LeaseRequest};

/// Where a node gets its leases.
#[async_trait]
pub trait Grants: Send + Sync {
    /// Asks once. `None` when nobody can answer now.
    async fn ask(&self, request: &LeaseRequest) -> Option<LeaseAnswer>;
}

/// For a process that runs a workflow alone: it leases to itself.
#[derive(Debug)]
pub struct LocalGrants(Mutex<Grantor>);

impl Default for LocalGrants {
    fn default() -> Self {
        Self(Mutex::new(Grantor::new(0, Instant::now())))
    }
}

#[async_trait]
impl Grants for LocalGrants {
    async fn ask(&self, request: &LeaseRequest) -> Option<LeaseAnswer> {
        let mut grantor = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Some(grantor.answer((1, 1), request, Instant::now()))
    }
}
