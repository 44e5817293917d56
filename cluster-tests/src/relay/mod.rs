//! What relaying rows to a step of another node costs, beside a bare gRPC stream and a bare TCP socket that carry the same
//! bytes; all over the loopback interface, in one process.

mod bare;
mod command;
mod host;
mod load;

pub use command::{Args, run};
