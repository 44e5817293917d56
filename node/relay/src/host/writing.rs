use std::sync::Arc;

use etl_model::{RecordError, Route, Unit};
use etl_proto::relay::Kind;
use etl_sdk::{Account, ConnectorError, Destination, RouteWriter, RunContext};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::calls::Rows;
use super::compute::Compute;
use super::guard::guarded;
use super::open_step::hosted;
use super::prepare::{Preparation, Ready};
use super::slots::{Slot, Slots, StepSlots};
use crate::RelayError;
use crate::channel::{ChannelId, OfPartition};
use crate::codec::{Answer, claim_from_body, marker_from_body, routes_from_body};
use crate::link::Message;
use crate::ports::{Hosted, HostedStep, Hosting};

/// The real destination on behalf of one channel. Dropping it drops the writer first, which rolls back, then frees the slot,
/// and only then lets a newer channel of the partition begin.
pub(super) struct Writing {
    writer: Option<Box<dyn RouteWriter>>,
    /// Held from the first rows of a unit to its commit.
    slot: Option<Slot>,
    /// Rows of the open unit that the encoder refused.
    refused: Vec<RecordError>,
    /// What became of the others of the open unit.
    account: Account,
    step: Option<Step>,
    fenced: bool,
    /// After an error nothing is left to be called.
    failed: bool,
    id: ChannelId,
    hosting: Arc<dyn Hosting>,
    slots: Arc<Slots>,
    compute: Compute,
    _gone: DropGuard,
}

#[derive(Clone)]
struct Step {
    context: RunContext,
    destination: Arc<dyn Destination>,
    preparation: Preparation,
    slots: StepSlots,
}

impl Writing {
    pub fn new(
        id: ChannelId,
        hosting: Arc<dyn Hosting>,
        slots: Arc<Slots>,
        compute: Compute,
        gone: CancellationToken,
    ) -> Self {
        Self {
            writer: None,
            slot: None,
            refused: Vec::new(),
            account: Account::default(),
            step: None,
            fenced: false,
            failed: false,
            id,
            hosting,
            slots,
            compute,
            _gone: gone.drop_guard(),
        }
    }

    /// How rows are prepared, once it is known.
    pub fn preparation(&self) -> Option<&Preparation> {
        self.step.as_ref().map(|step| &step.preparation)
    }

    async fn step(&mut self) -> Result<Step, ConnectorError> {
        if let Some(step) = &self.step {
            return Ok(step.clone());
        }
        let Hosted { context, step } = hosted(&self.hosting, &self.id).await?;
        let (steps, destination) = match step {
            HostedStep::Destination(destination) => (None, destination),
            HostedStep::Shard { steps, destination } => (Some(steps), destination),
            HostedStep::Processor(_) => {
                return Err(ConnectorError::internal(format!("{}: not a destination", self.id)));
            }
        };
        let describe = async { Ok((destination.encoder(), destination.capabilities().max_writers)) };
        let (encoder, writers) = guarded(describe).await?;
        let slots = self.slots.of(self.id.run, &self.id.step, writers);
        let preparation = Preparation { steps, encoder };
        let step = Step { context, destination, preparation, slots };
        self.step = Some(step.clone());
        Ok(step)
    }

    async fn writer(&mut self) -> Result<&mut Box<dyn RouteWriter>, ConnectorError> {
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => {
                let step = self.step().await?;
                let OfPartition { source, partition, shard, index } = self
                    .id
                    .partition
                    .clone()
                    .ok_or_else(|| self.misplaced(Kind::Marker, "in a channel without a partition"))?;
                let destination = self.id.step.clone();
                let workflow = step.context.workflow.clone();
                let route = Route { workflow, source, partition, destination, shard };
                guarded(step.destination.open(&step.context, &route, index)).await?
            }
        };
        Ok(self.writer.insert(writer))
    }

    fn misplaced(&self, kind: Kind, place: &'static str) -> ConnectorError {
        RelayError::Kind { kind: kind.into(), place }.of_channel(&self.id)
    }

    /// The writer of a claimed epoch.
    fn claimed(&mut self, kind: Kind) -> Result<&mut Box<dyn RouteWriter>, ConnectorError> {
        let misplaced = self.misplaced(kind, "before the fence");
        self.writer.as_mut().filter(|_| self.fenced).ok_or(misplaced)
    }

    async fn take_slot(&mut self) -> Result<(), ConnectorError> {
        if self.slot.is_none() {
            let slots = self.step().await?.slots;
            self.slot = Some(slots.take().await);
        }
        Ok(())
    }

    /// Writes rows.
    pub async fn write(&mut self, rows: Rows) -> Result<(), ConnectorError> {
        self.claimed(Kind::Rows)?;
        let preparing = match rows {
            Rows::Preparing(preparing) => preparing,
            Rows::Raw(rows) => {
                let preparation = self.step().await?.preparation;
                preparation.begin(&self.compute, &self.id, rows, etl_sdk::current_trace())
            }
        };
        let Ready { rows, account } = preparing.result().await?;
        self.account.add(account);
        for mut encoded in rows {
            self.refused.append(&mut encoded.errors);
            // Of a unit that cannot be committed nothing needs to be written.
            if encoded.rows == 0 || self.account.fatal.is_some() {
                continue;
            }
            self.take_slot().await?;
            self.account.add(Account { bytes: Some(encoded.bytes as u64), ..Account::default() });
            guarded(self.claimed(Kind::Rows)?.write(encoded)).await?;
        }
        Ok(())
    }

    /// Makes a call. After an error the writer is gone.
    pub async fn call(&mut self, message: Message) -> Answer {
        if self.failed {
            return Answer::Error(self.misplaced(message.kind, "after an error"));
        }
        match self.carry_out(message).await {
            Ok(answer) => answer,
            Err(error) => {
                self.give_up();
                Answer::Error(error)
            }
        }
    }

    /// Nothing more is written or committed.
    fn give_up(&mut self) {
        self.failed = true;
        self.writer = None;
        self.slot = None;
    }

    async fn carry_out(&mut self, Message { kind, body, .. }: Message) -> Result<Answer, ConnectorError> {
        let malformed = |error: RelayError| error.of_channel(&self.id);
        match kind {
            Kind::Marker => {
                let writer = self.writer().await?;
                Ok(Answer::Marker(guarded(writer.marker()).await?))
            }
            Kind::Fence => {
                let claim = claim_from_body(body).map_err(malformed)?;
                if claim.epoch != self.id.epoch
                    || claim.epoch == 0
                    || uuid::Uuid::from(claim.run) != self.id.run
                {
                    let error = RelayError::Epoch { expected: self.id.epoch, found: claim.epoch };
                    return Err(error.of_channel(&self.id));
                }
                // A fence may wait for the lock that an open unit holds.
                self.take_slot().await?;
                let writer = self.writer().await?;
                let marker = guarded(writer.fence(&claim)).await?;
                self.fenced = true;
                self.slot = None;
                Ok(Answer::Marker(Some(marker)))
            }
            Kind::Stage => {
                let unit = Unit { marker: marker_from_body(body).map_err(malformed)? };
                self.claimed(kind)?;
                let mut refused = std::mem::take(&mut self.refused);
                let mut account = std::mem::take(&mut self.account);
                if account.fatal.is_some() {
                    self.give_up();
                    return Ok(Answer::Refused(Vec::new(), account));
                }
                self.take_slot().await?;
                refused.extend(guarded(self.claimed(kind)?.stage(&unit)).await?);
                account.bytes.get_or_insert(0);
                Ok(Answer::Refused(refused, account))
            }
            Kind::Commit => {
                let unit = Unit { marker: marker_from_body(body).map_err(malformed)? };
                guarded(self.claimed(kind)?.commit(&unit)).await?;
                self.slot = None;
                Ok(Answer::Done)
            }
            Kind::Check => {
                let Step { context, destination, .. } = self.step().await?;
                guarded(destination.check(&context)).await?;
                Ok(Answer::Done)
            }
            Kind::Complete => {
                let routes = routes_from_body(body).map_err(malformed)?;
                let Step { context, destination, .. } = self.step().await?;
                guarded(destination.complete(&context, &routes)).await?;
                Ok(Answer::Done)
            }
            _ => Err(self.misplaced(kind, "in the channel of a destination")),
        }
    }
}
