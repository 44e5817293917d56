use std::num::NonZeroU64;
use std::time::Duration;

use etl_proto::admin as wire;
use tokio::time::sleep;
use tonic::Streaming;

use super::AdminClient;
use super::admin_client::{call, malformed};
use crate::error::Error;
use crate::model::{RunTarget, TapOptions, TapTold};
use crate::refusal::{Kind, Refusal};

/// Pause before another server is asked after one that was lost.
const PAUSE: Duration = Duration::from_millis(200);

/// The records that pass a step of a run, as they go by. When the node that tells ends or is lost, another one is asked;
/// what goes by in between is neither shown nor counted.
pub struct RunTap {
    client: AdminClient,
    target: RunTarget,
    options: TapOptions,
    /// The server that tells, as it was named.
    telling: Option<(String, Streaming<wire::TapStepResponse>)>,
    /// What went by where servers were asked before.
    before: u64,
    /// What has gone by where the present one is asked.
    current: u64,
    shown: u64,
}

impl RunTap {
    pub(super) fn new(client: AdminClient, target: RunTarget, options: TapOptions) -> Self {
        Self { client, target, options, telling: None, before: 0, current: 0, shown: 0 }
    }

    /// Records that have gone by until now, shown or not.
    pub fn seen(&self) -> u64 {
        self.before.saturating_add(self.current)
    }

    /// Records that were shown until now.
    pub fn shown(&self) -> u64 {
        self.shown
    }

    /// What has gone by since the last time, perhaps only how much; `None` when the run is over or the limit is reached.
    ///
    /// # Errors
    /// As any call of the client, whose time is how long another server is looked for.
    pub async fn next(&mut self) -> Result<Option<TapTold>, Error> {
        loop {
            if self.left() == Some(0) {
                return Ok(None);
            }
            let Some((server, pieces)) = &mut self.telling else {
                match self.open().await {
                    // It has ended while another server was looked for.
                    Err(Error::Refused { refusal, .. })
                        if refusal.code == "not_running" && self.seen() > 0 =>
                    {
                        return Ok(None);
                    }
                    opened => opened?,
                }
                continue;
            };
            match pieces.message().await {
                Ok(Some(told)) => {
                    let told = TapTold::try_from(told).map_err(malformed(server))?;
                    // A workflow may have another run by the time another server is asked.
                    self.target = RunTarget::Run(told.run);
                    self.current = told.seen;
                    self.shown = self.shown.saturating_add(told.records.len() as u64);
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
                    self.before = self.seen();
                    self.current = 0;
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// Records that may yet be shown; `None` for no limit.
    fn left(&self) -> Option<u64> {
        self.options.limit.map(|limit: NonZeroU64| limit.get().saturating_sub(self.shown))
    }

    async fn open(&mut self) -> Result<(), Error> {
        let request = self.options.request(&self.target, self.left());
        let (server, pieces) = call!(self.client, tap_step, request, Read, Fair).await?;
        self.telling = Some((server.to_owned(), pieces));
        Ok(())
    }
}
