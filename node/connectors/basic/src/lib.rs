//! Connectors without a client library: `generate` makes records up, `stdout` prints them.

mod error;
mod generate;
mod stdout;

pub use error::BasicError;
pub use generate::GenerateSource;
pub use stdout::StdoutDestination;
