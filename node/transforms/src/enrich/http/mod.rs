//! Fields out of the answers of an HTTP server.

mod answer;
mod asker;
mod processor;
mod requests;
mod results;

pub(super) use processor::HttpEnrich;
