//! What a connector or transformation author implements, and how the engine finds it.
//!
//! A connector is configured purely (no IO, all errors at once), then checked, discovered, read or written.
//! **Invariant:** connector authors never see the actor library; this crate must not depend on it.

mod blocking;
mod capability;
mod config;
pub mod conformance;
mod destination;
mod error;
mod failpoint;
mod processor;
mod registry;
mod repartition;
mod retry;
mod source;
mod steps;
mod trace;

pub use blocking::blocking;
pub use capability::{CommitKind, DestinationCapabilities, ProcessorCapabilities, SourceCapabilities};
pub use config::{FieldError, PathSegment, parse_config};
pub use destination::{Destination, Encoded, Encoder, Payload, RouteWriter, RunContext};
pub use error::ConnectorError;
pub use failpoint::{FAILPOINTS, failpoint, guard_removed};
pub use processor::{Brake, Processed, Processor, Sequential, Unbraked};
pub use registry::{
    Descriptor, DestinationConnector, ProcessorConnector, Registered, Registry, SourceConnector,
};
pub use repartition::{Divided, Repartition};
pub use retry::{ErrorClass, RetryPolicy};
pub use source::{Chunk, Decoded, Discovery, Fetched, PartitionInfo, PartitionReader, ReadOptions, Source};
pub use steps::{Account, CarriedOut, StepError, Steps};
pub use trace::{current_trace, within, within_blocking};
