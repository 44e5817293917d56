use std::sync::Arc;
use std::time::Duration;

use etl_cluster::Candidate;
use etl_raft::network::Dialer;
use etl_raft::store::{DataDir, Identity};

use super::Marker;
use crate::node::Error;

/// A node that wants to be taken in.
pub(in crate::node) struct Applicant<'a> {
    pub candidate: Candidate,
    pub dialer: &'a Arc<dyn Dialer>,
    pub patience: Duration,
}

impl Applicant<'_> {
    /// Has a member of a cluster take it in, and makes the identity it is given durable.
    pub async fn join(&self, dir: &DataDir, addresses: &[String]) -> Result<Identity, Error> {
        tracing::info!(addresses = addresses.join(","), "joining");
        let admitted = etl_cluster::join(self.dialer, addresses, &self.candidate, self.patience).await?;
        let identity =
            Identity { cluster: admitted.cluster, node: admitted.node, store: self.candidate.store };
        Marker::Joining.write(dir)?;
        dir.write_identity(&identity)?;
        tracing::info!(cluster = %identity.cluster, node = identity.node, "joined");
        Ok(identity)
    }
}
