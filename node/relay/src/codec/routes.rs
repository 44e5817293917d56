use bytes::Bytes;
use etl_model::{PartitionId, Route};
use etl_proto::Message as _;
use etl_proto::relay as wire;

use super::ids::{shard, step_name, workflow_name};
use crate::RelayError;

/// The body of a completion.
pub(crate) fn routes_to_body(routes: &[Route]) -> Bytes {
    let routes = routes.iter().map(|route| wire::Route {
        workflow: route.workflow.to_string(),
        source: route.source.to_string(),
        partition: route.partition.0.clone(),
        destination: route.destination.to_string(),
        shard: route.shard.map(String::from),
    });
    wire::Routes { routes: routes.collect() }.encode_to_vec().into()
}

/// Reads the body of a completion.
pub(crate) fn routes_from_body(body: Bytes) -> Result<Vec<Route>, RelayError> {
    let routes = wire::Routes::decode(body).map_err(|error| RelayError::malformed("routes", error))?;
    let route = |route: wire::Route| {
        Ok(Route {
            workflow: workflow_name("route.workflow", route.workflow)?,
            source: step_name("route.source", route.source)?,
            partition: PartitionId(route.partition),
            destination: step_name("route.destination", route.destination)?,
            shard: shard("route.shard", route.shard)?,
        })
    };
    routes.routes.into_iter().map(route).collect()
}
