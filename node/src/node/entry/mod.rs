//! How a node becomes part of a cluster: it founds one, joins one, or goes on as what it was.
//!
//! What a data directory holds and what the settings ask for decide ([`decision`]); nothing is asked of the network for that.
//! The identity is durable before consensus opens the directory, and a [`marker`] tells a node that has not come so far yet
//! from one that has lost its log.

mod decision;
mod founding;
mod joining;
mod marker;
mod rejoining;

pub(super) use decision::{Decision, decide, inspect};
pub(super) use founding::{begin_founding, finish_founding};
pub(super) use joining::Applicant;
pub(super) use marker::Marker;
pub(super) use rejoining::set_aside;
