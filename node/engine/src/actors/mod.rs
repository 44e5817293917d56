//! The actors. Each is a thin shell: it owns its place in the chain and its progress; decisions are in `chain`,
//! connector code runs under a guard, blocking and computing work runs on blocking threads.

mod attempt;
mod crew;
mod destination;
mod open_unit;
mod processor;
mod slots;
mod source;
mod spawn;
mod supervisor;
mod workflow;

pub(crate) use crew::{BeginChain, CrewActor};
pub(crate) use supervisor::{StartChain, SupervisorActor};
pub(crate) use workflow::{Begin, Grow, WorkflowActor, WorkflowSetup};
