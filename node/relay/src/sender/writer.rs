use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use etl_model::{Claim, Marker, RecordError, Unit};
use etl_proto::relay::Kind;
use etl_sdk::{Account, ConnectorError, Encoded, Payload, RouteWriter};

use super::caller::Caller;
use super::destination::Target;
use super::encoder::defect;
use crate::channel::{OfPartition, Role};
use crate::codec::{Answer, Slices, claim_to_body, marker_to_body};

/// A route's writer that runs on another node. Its channel is opened for the claimed epoch, which the fence brings; a marker
/// that is looked at before has a channel of its own, which claims nothing.
pub(super) struct RelayedWriter {
    target: Arc<Target>,
    workflow: String,
    partition: OfPartition,
    role: Role,
    caller: Option<Caller>,
    /// Of the unit that was staged last.
    account: Account,
}

impl RelayedWriter {
    pub fn new(target: Arc<Target>, workflow: String, partition: OfPartition, role: Role) -> Self {
        Self { target, workflow, partition, role, caller: None, account: Account::default() }
    }

    fn connect(&self, epoch: u64) -> Caller {
        self.target.open(self.workflow.clone(), Some(self.partition.clone()), epoch, self.role)
    }

    fn fenced(&self) -> Result<&Caller, ConnectorError> {
        self.caller.as_ref().ok_or_else(|| ConnectorError::internal("a relayed writer was not fenced"))
    }
}

#[async_trait]
impl RouteWriter for RelayedWriter {
    async fn marker(&mut self) -> Result<Option<Marker>, ConnectorError> {
        let looking;
        let caller = match &self.caller {
            Some(caller) => caller,
            None => {
                looking = self.connect(0);
                &looking
            }
        };
        match caller.call(Kind::Marker, Bytes::new()).await? {
            Answer::Marker(marker) => Ok(marker),
            other => Err(caller.unexpected(&other)),
        }
    }

    async fn fence(&mut self, claim: &Claim) -> Result<Marker, ConnectorError> {
        let body = claim_to_body(claim).map_err(|error| defect(&error))?;
        self.caller = None;
        let caller = self.connect(claim.epoch);
        let answer = caller.call(Kind::Fence, body).await?;
        match answer {
            Answer::Marker(Some(marker)) => {
                self.caller = Some(caller);
                Ok(marker)
            }
            other => Err(caller.unexpected(&other)),
        }
    }

    async fn write(&mut self, rows: Encoded) -> Result<(), ConnectorError> {
        let caller = self.fenced()?;
        let foreign = || ConnectorError::internal("a relayed writer was given rows of another encoder");
        let Payload::Rows { body, layout, .. } = rows.payload else { return Err(foreign()) };
        let slices = layout.downcast_ref::<Slices>().ok_or_else(foreign)?;
        let body = Bytes::from(body);
        let mut start = 0;
        for &end in &slices.ends {
            caller.send(Kind::Rows, body.slice(start..end)).await?;
            start = end;
        }
        Ok(())
    }

    async fn stage(&mut self, unit: &Unit) -> Result<Vec<RecordError>, ConnectorError> {
        let caller = self.fenced()?;
        let body = marker_to_body(&unit.marker).map_err(|error| defect(&error))?;
        match caller.call(Kind::Stage, body).await? {
            Answer::Refused(errors, account) => {
                self.account = account;
                Ok(errors)
            }
            other => Err(caller.unexpected(&other)),
        }
    }

    fn account(&mut self) -> Account {
        std::mem::take(&mut self.account)
    }

    async fn commit(&mut self, unit: &Unit) -> Result<(), ConnectorError> {
        let caller = self.fenced()?;
        let body = marker_to_body(&unit.marker).map_err(|error| defect(&error))?;
        match caller.call(Kind::Commit, body).await? {
            Answer::Done => Ok(()),
            other => Err(caller.unexpected(&other)),
        }
    }
}
