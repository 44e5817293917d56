//! A private PostgreSQL.

mod access;
mod builder;
mod certificates;
mod database;
mod programs;
mod server;

pub use builder::{Authentication, Certificate, Durability, PostgresBuilder};
pub use database::Database;
pub use server::PostgresServer;
