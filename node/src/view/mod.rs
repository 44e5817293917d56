//! What a person or a program sees: progress, summary, errors, quantities.

mod errors;
mod json;
mod progress;
mod quantity;
mod summary;

pub(crate) use errors::{show_error, show_failure};
pub(crate) use json::print_json;
pub(crate) use progress::ProgressView;
pub(crate) use quantity::{bytes, count, seconds};
pub(crate) use summary::Summary;
