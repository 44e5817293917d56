//! One partition on its way to its destinations: the plan of its steps, what happens to a chunk, and how a chain is
//! opened so that nothing is lost and nothing doubled.

mod flow;
mod open;
mod outside;
mod plan;
mod process;
mod steps;
mod turn;
mod walk;

pub(crate) use open::{OpenChain, OpenRoute, Opened, open};
pub(crate) use outside::Outside;
pub(crate) use plan::{ChainPlan, Output};
pub(crate) use process::{Outlets, Part, process};
pub use steps::{ShardOf, ShardSteps};
pub(crate) use turn::Turn;
