use std::fmt;

use bytes::Bytes;
use etl_model::{PartitionId, RunId, Shard, StepName};
use etl_proto::relay as wire;
use uuid::Uuid;

use crate::RelayError;
use crate::codec::{shard, step_name, uuid};

/// What the host is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Destination,
    Processor,
    /// A destination with the steps between a repartition and it.
    Shard,
}

/// The partition a channel belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct OfPartition {
    pub source: StepName,
    pub partition: PartitionId,
    /// The part of its rows, where they are divided.
    pub shard: Option<Shard>,
    /// Its number among all that the step has to do in the run.
    pub index: usize,
}

/// Which channel it is; the same for all of its streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChannelId {
    pub run: Uuid,
    /// Empty where the sender does not know it.
    pub workflow: String,
    pub version: u64,
    pub step: StepName,
    pub partition: Option<OfPartition>,
    /// 0 where the partition is not claimed.
    pub epoch: u64,
    pub role: Role,
    pub attempt: Uuid,
}

impl ChannelId {
    pub fn to_wire(&self, resumed: bool) -> wire::Opening {
        let role = match self.role {
            Role::Destination => wire::Role::Destination,
            Role::Processor => wire::Role::Processor,
            Role::Shard => wire::Role::Shard,
        };
        wire::Opening {
            run: Bytes::copy_from_slice(self.run.as_bytes()),
            workflow: self.workflow.clone(),
            version: self.version,
            step: self.step.to_string(),
            partition: self.partition.as_ref().map(|partition| wire::Partition {
                source: partition.source.to_string(),
                partition: partition.partition.0.clone(),
                index: partition.index as u64,
            }),
            epoch: self.epoch,
            role: role.into(),
            attempt: Bytes::copy_from_slice(self.attempt.as_bytes()),
            resumed,
            shard: self.partition.as_ref().and_then(|partition| partition.shard).map(String::from),
        }
    }

    pub fn from_wire(opening: wire::Opening) -> Result<Self, RelayError> {
        let role = match wire::Role::try_from(opening.role) {
            Ok(wire::Role::Destination) => Role::Destination,
            Ok(wire::Role::Processor) => Role::Processor,
            Ok(wire::Role::Shard) => Role::Shard,
            Ok(wire::Role::Unspecified) | Err(_) => {
                return Err(RelayError::malformed("opening", format!("role {} is not known", opening.role)));
            }
        };
        let shard = shard("opening.shard", opening.shard)?;
        if shard.is_some() && opening.partition.is_none() {
            return Err(RelayError::malformed("opening", "a shard without a partition"));
        }
        if shard.is_none() && role == Role::Shard {
            return Err(RelayError::malformed("opening", "the steps of a shard without the shard"));
        }
        let partition = match opening.partition {
            Some(partition) => Some(OfPartition {
                source: step_name("opening.partition.source", partition.source)?,
                partition: PartitionId(partition.partition),
                shard,
                index: usize::try_from(partition.index)
                    .map_err(|error| RelayError::malformed("opening.partition.index", error))?,
            }),
            None => None,
        };
        if opening.epoch > 0 && partition.is_none() {
            return Err(RelayError::malformed("opening", "an epoch without a partition"));
        }
        Ok(Self {
            run: uuid("opening.run", &opening.run)?,
            workflow: opening.workflow,
            version: opening.version,
            step: step_name("opening.step", opening.step)?,
            partition,
            epoch: opening.epoch,
            role,
            attempt: uuid("opening.attempt", &opening.attempt)?,
        })
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "relay channel to step `{}` of run {}", self.step, RunId::from(self.run))?;
        if let Some(OfPartition { source, partition, shard, .. }) = &self.partition {
            write!(f, ", {source}[{partition}]")?;
            if let Some(shard) = shard {
                write!(f, ", shard {shard}")?;
            }
        }
        if self.epoch > 0 {
            write!(f, ", epoch {}", self.epoch)?;
        }
        write!(f, " (attempt {})", self.attempt)
    }
}
