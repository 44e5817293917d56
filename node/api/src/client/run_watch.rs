use std::time::Duration;

use etl_proto::admin as wire;
use tokio::time::sleep;
use tonic::Streaming;

use super::AdminClient;
use super::admin_client::{call, malformed};
use crate::error::Error;
use crate::model::{RunTarget, RunView};
use crate::refusal::{Kind, Refusal};

/// Pause before another server is asked after one that has told nothing.
const PAUSE: Duration = Duration::from_millis(200);

/// What a run does, as it happens. When the node that tells ends or is lost, another one is asked.
pub struct RunWatch {
    client: AdminClient,
    target: RunTarget,
    /// The server that tells, as it was named.
    telling: Option<(String, Streaming<wire::WatchRunResponse>)>,
    /// What was told last.
    last: Option<RunView>,
}

impl RunWatch {
    pub(super) fn new(client: AdminClient, target: RunTarget) -> Self {
        Self { client, target, telling: None, last: None }
    }

    /// How the run is: at first at once, then when that has changed, which may take for ever; `None` after a view of a run
    /// that is over.
    ///
    /// # Errors
    /// As any call of the client, whose time is how long another server is looked for.
    pub async fn next(&mut self) -> Result<Option<RunView>, Error> {
        if self.last.as_ref().is_some_and(|last| last.summary.phase.is_over()) {
            return Ok(None);
        }
        loop {
            let Some((server, views)) = &mut self.telling else {
                self.open().await?;
                continue;
            };
            match views.message().await {
                Ok(Some(told)) => {
                    let view = RunView::from_wire(told.run).map_err(malformed(server))?;
                    // A workflow may have another run by the time another server is asked.
                    self.target = RunTarget::Run(view.summary.run);
                    if self.last.as_ref() != Some(&view) {
                        self.last = Some(view.clone());
                        return Ok(Some(view));
                    }
                }
                Ok(None) => self.lost().await,
                Err(status) => {
                    let refusal = Refusal::from_status(&status);
                    let passes = matches!(refusal.kind, Kind::Unavailable | Kind::Unknown);
                    if !status.details().is_empty() && !passes {
                        let server = server.clone();
                        return Err(Error::Refused { server, refusal: Box::new(refusal) });
                    }
                    self.lost().await;
                }
            }
        }
    }

    async fn open(&mut self) -> Result<(), Error> {
        let request = wire::WatchRunRequest { target: Some((&self.target).into()) };
        let (server, views) = call!(self.client, watch_run, request, Read, Fair).await?;
        self.telling = Some((server.to_owned(), views));
        Ok(())
    }

    async fn lost(&mut self) {
        self.telling = None;
        sleep(PAUSE).await;
    }
}
