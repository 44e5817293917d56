use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use etl_api::AdminClient;
use etl_api::model::Consistency;
use etl_raft::network::Dialer;
use etl_raft::store::{DataDir, Identity};
use uuid::Uuid;

use crate::node::Error;

/// How long the others may take to show that they are a quorum.
const PATIENCE: Duration = Duration::from_secs(30);

/// Moves the damaged data of a node aside, so that it can join anew under another id. Only when the others answer as a quorum
/// without it: while they do not, what is left of the data may be needed.
///
/// # Errors
/// [`Error::Damaged`] with the reason when it must not be done; nothing has been moved then.
pub(in crate::node) async fn set_aside(
    dir: &DataDir,
    damage: etl_raft::Error,
    addresses: &[String],
    dialer: &Arc<dyn Dialer>,
) -> Result<PathBuf, Error> {
    tracing::error!(%damage, "the data of this node is damaged");
    // It may be the identity that is damaged.
    let identity = dir.identity().ok().flatten();
    let why_not = match others(addresses, dialer).await {
        Ok(cluster) => wrong_cluster(identity, cluster),
        Err(reason) => {
            Some(format!("it cannot join anew, because no quorum of other nodes answers: {reason}"))
        }
    };
    if let Some(why_not) = why_not {
        return Err(Error::Damaged { damage, why_not });
    }
    let place = dir.quarantine()?;
    tracing::error!(place = %place.display(), "the damaged data was set aside; the node joins anew under another id");
    Ok(place)
}

/// The cluster whose quorum answers at these addresses.
async fn others(addresses: &[String], dialer: &Arc<dyn Dialer>) -> Result<Uuid, String> {
    let client = AdminClient::new(addresses, dialer, PATIENCE).map_err(|error| error.to_string())?;
    let status = client.cluster_status(Consistency::Linearizable).await.map_err(|error| error.to_string())?;
    Ok(status.cluster)
}

fn wrong_cluster(identity: Option<Identity>, answered: Uuid) -> Option<String> {
    let mine = identity?.cluster;
    (mine != answered).then(|| {
        format!("it was part of cluster {mine}, and the nodes given with `join` are cluster {answered}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_never_changes_its_cluster_by_itself() {
        let (ours, theirs) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let identity = Identity { cluster: ours, node: 3, store: Uuid::from_u128(4) };
        assert_eq!(wrong_cluster(Some(identity), ours), None);
        assert_eq!(wrong_cluster(None, theirs), None);
        let reason = wrong_cluster(Some(identity), theirs);
        assert!(reason.is_some_and(|reason| reason.contains(&theirs.to_string())));
    }
}
