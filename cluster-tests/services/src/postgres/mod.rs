//! A private PostgreSQL.

mod access;
mod builder;
mod certificates;
mod database;
mod programs;
mod server;

pub use builder::{Authentication, Certificate, Durability, PostgresBuilder};
pub use database::Database;
pub use programs::{again_on_postgres_18, expected_postgres};
pub use server::PostgresServer;
