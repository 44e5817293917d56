use std::collections::HashMap;
use std::time::Duration;

use etl_proto::admin as wire;
use tokio::time::sleep;
use tonic::Streaming;

use super::AdminClient;
use super::admin_client::{call, malformed};
use crate::convert::level_to_wire;
use crate::error::Error;
use crate::model::{LogLevel, RunLogTold, RunTarget};
use crate::refusal::{Kind, Refusal};

/// Pause before another server is asked after one that was lost.
const PAUSE: Duration = Duration::from_millis(200);

/// What nodes have logged about a run, and what they log. When the node that tells ends or is lost, another one is asked;
/// no event is told twice.
pub struct RunLog {
    client: AdminClient,
    target: RunTarget,
    least: LogLevel,
    follow: bool,
    /// The server that tells, as it was named.
    telling: Option<(String, Streaming<wire::ReadRunLogResponse>)>,
    /// By process of a node, the number of its last event.
    last: HashMap<(u64, u64), u64>,
}

impl RunLog {
    pub(super) fn new(client: AdminClient, target: RunTarget, least: LogLevel, follow: bool) -> Self {
        let (telling, last) = (None, HashMap::new());
        Self { client, target, least, follow, telling, last }
    }

    /// What comes next; `None` when all is told, with `follow` when the run is over.
    ///
    /// # Errors
    /// As any call of the client, whose time is how long another server is looked for.
    pub async fn next(&mut self) -> Result<Option<RunLogTold>, Error> {
        loop {
            let Some((server, pieces)) = &mut self.telling else {
                self.open().await?;
                continue;
            };
            match pieces.message().await {
                Ok(Some(told)) => {
                    let mut told = RunLogTold::try_from(told).map_err(malformed(server))?;
                    // A workflow may have another run by the time another server is asked.
                    self.target = RunTarget::Run(told.run);
                    told.events.retain(|event| {
                        let last = self.last.entry((event.node, event.incarnation)).or_default();
                        let is_new = event.number > *last;
                        *last = event.number.max(*last);
                        is_new
                    });
                    return Ok(Some(told));
                }
                Ok(None) => return Ok(None),
                Err(status) => {
                    let refusal = Refusal::from_status(&status);
                    let passes = matches!(refusal.kind, Kind::Unavailable | Kind::Unknown);
                    if !status.details().is_empty() && !passes {
                        let server = server.clone();
                        return Err(Error::Refused { server, refusal: Box::new(refusal) });
                    }
                    self.telling = None;
                    sleep(PAUSE).await;
                }
            }
        }
    }

    async fn open(&mut self) -> Result<(), Error> {
        let request = wire::ReadRunLogRequest {
            target: Some((&self.target).into()),
            least: level_to_wire(self.least).into(),
            follow: self.follow,
        };
        let (server, pieces) = call!(self.client, read_run_log, request, Read, Fair).await?;
        self.telling = Some((server.to_owned(), pieces));
        Ok(())
    }
}
