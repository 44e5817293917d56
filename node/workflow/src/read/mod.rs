//! From the tree to the validated workflow: fields, forms, names, types, configs, graph. Every part goes on after
//! the errors of the others.

mod configs;
mod draft;
mod errors;
mod fallback;
mod form;
mod graph;
mod kinds;
mod limits;
mod misplaced;
mod names;
mod placement;
mod ports;
mod protection;
mod repartition;
mod schedule;
mod sequential;
mod settings;
mod viewing;
mod workflow;

pub(crate) use configs::{Origin, field_issue};
pub(crate) use draft::{Draft, Input, Role};
pub(crate) use workflow::workflow;
