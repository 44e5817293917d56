//! The HTTP client that transformations and connectors share.
//!
//! A call has a deadline, its answer a bound ([`HttpClient::send`]); what a server or network does that may go away is tried
//! again within a policy, a budget, and what the server asks for ([`HttpClient::call`]).
//!
//! **Invariant:** the only user of the HTTP library; nothing here relies on a crypto provider of the process.

mod attempts;
mod budget;
mod client;
mod config;
mod error;
mod request;
mod response;
mod retry_after;
mod tls;

pub use attempts::Calls;
pub use client::HttpClient;
pub use config::{HttpConfig, HttpTlsConfig};
pub use error::HttpError;
pub use request::{Request, method};
pub use response::Response;
