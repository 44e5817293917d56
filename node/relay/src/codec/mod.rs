//! What travels in bodies, in both directions.

mod answer;
mod codes;
mod connector_error;
mod ids;
mod json;
mod marker;
mod record_error;
mod routes;
mod rows;
mod slices;
mod step_error;

pub(crate) use answer::{Answer, answer_from_body, answer_to_body};
pub(crate) use connector_error::{error_from_body, error_to_body};
pub(crate) use ids::{shard, step_name, uuid};
pub(crate) use marker::{claim_from_body, claim_to_body, marker_from_body, marker_to_body};
pub(crate) use routes::{routes_from_body, routes_to_body};
pub(crate) use rows::rows_from_bytes;
pub(crate) use slices::{Slices, slice, whole};
