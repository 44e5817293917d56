//! Counting: what the engine tells becomes series, what others know is read when somebody asks.

mod instruments;
mod process;
mod run_meters;
mod sampled;
mod workflows;

pub(crate) use instruments::Instruments;
pub(crate) use run_meters::RunMeters;
pub use run_meters::{StepFacts, StepRole};
pub use sampled::{Sample, Sampler};
pub(crate) use workflows::Workflows;

pub(crate) use process::ProcessSampler;
