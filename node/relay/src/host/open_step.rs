use std::sync::Arc;

use etl_model::Retry;
use etl_sdk::ConnectorError;

use super::guard::guarded;
use crate::channel::{ChannelId, Role};
use crate::ports::{Hosted, HostedStep, Hosting, OfRows, Refused, Wanted};

/// Finds the step of a channel, and makes sure that it is the one that the sender means.
pub(super) async fn hosted(hosting: &Arc<dyn Hosting>, id: &ChannelId) -> Result<Hosted, ConnectorError> {
    let rows = id.partition.as_ref().map(|known| OfRows {
        source: known.source.clone(),
        partition: known.partition.clone(),
        shard: known.shard,
    });
    let wanted = Wanted {
        run: id.run,
        version: id.version,
        step: id.step.clone(),
        rows,
        with_steps: id.role == Role::Shard,
    };
    let look = async { Ok(hosting.hosted(&wanted).await) };
    let found = match guarded(look).await? {
        Ok(found) => found,
        Err(Refused { message, retry }) => {
            let message = format!("{id}: {message}");
            return Err(match retry {
                Retry::Backoff => ConnectorError::transient("relay_refused", message),
                Retry::Never => ConnectorError::external("relay_refused", message),
            });
        }
    };
    let (run, workflow) = (uuid::Uuid::from(found.context.run), found.context.workflow.as_str());
    if run != id.run || (!id.workflow.is_empty() && workflow != id.workflow) {
        let message =
            format!("{id}: it is for workflow `{}`, but here the run is {run} of `{workflow}`", id.workflow);
        return Err(ConnectorError::external("relay_refused", message));
    }
    let role = match &found.step {
        HostedStep::Destination(_) => Role::Destination,
        HostedStep::Processor(_) => Role::Processor,
        HostedStep::Shard { .. } => Role::Shard,
    };
    if role != id.role {
        let message = format!("{id}: the sender means a {:?}, here the step is a {role:?}", id.role);
        return Err(ConnectorError::external("relay_refused", message));
    }
    Ok(found)
}
