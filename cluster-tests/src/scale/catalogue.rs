use std::path::Path;
use std::time::Instant;

use etl_proto::admin::{Consistency, ListWorkflowsRequest};

use super::crowd::{Crowd, unexpected};
use super::report::Catalogue;
use crate::group::Error;

/// Nodes of the cluster.
const NODES: u8 = 3;

/// Applies so many workflows one after the other, then lists them.
pub async fn measure(scratch: &Path, workflows: u64) -> Result<Catalogue, Error> {
    let mut crowd = Crowd::found(&scratch.join("catalogue"), NODES).await?;
    let began = Instant::now();
    for number in 0..workflows {
        let put = crowd.client().put(&format!("w{number}"), "one of many", None).await;
        put.map_err(|failure| Error::Unexpected(format!("workflow {number}: {failure:?}")))?;
    }
    let applied_seconds = began.elapsed().as_secs_f64();
    let began = Instant::now();
    let request = ListWorkflowsRequest { consistency: Consistency::Linearizable.into() };
    let listed = crowd.client().admin().list_workflows(request).await;
    let listed = listed.map_err(|status| unexpected(&status))?.into_inner().workflows.len() as u64;
    let listed_seconds = began.elapsed().as_secs_f64();
    if listed != workflows {
        return Err(Error::Unexpected(format!("{listed} of {workflows} workflows are listed")));
    }
    Ok(Catalogue { workflows, applied_seconds, listed_seconds })
}
