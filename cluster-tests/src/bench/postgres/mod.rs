//! The workloads that read or write PostgreSQL, on a private server with PostgreSQL's default durability.

mod parquet;
mod site;
mod task;

pub use site::Site;
pub use task::{PostgresTask, PostgresWorkload};
