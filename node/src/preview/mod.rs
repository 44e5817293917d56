//! `preview`: the first records of a workflow after each of its steps. Nothing is committed, and no destination is called.

mod changes;
mod document;
mod table;
mod trial;

pub(crate) use document::document;
pub(crate) use table::write_preview;
pub(crate) use trial::{StepTrial, gathered, transform, trial};
