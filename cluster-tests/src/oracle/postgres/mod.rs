//! PostgreSQL as source and destination of a cell: a private server behind a proxy, the tables of a run, and what the
//! server remembers of every commit.

mod history;
mod input;
mod server;
mod target;

pub use history::History;
pub use input::PARTITIONS;
pub use server::{Postgres, Services};
pub use target::Dump;

/// The table that a run reads.
pub const INPUT: &str = "input.records";
/// The table that a run writes.
pub const OUTPUT: &str = "output.records";

/// Text as SQL and as an argument of the commands of `psql`.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
