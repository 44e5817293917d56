//! Private real servers for tests and benchmarks, and a proxy that cuts connections at a chosen moment.
//!
//! A server listens on a free port of 127.0.0.1 and keeps its data in a temporary directory. It ends, and the
//! directory goes, when its value is dropped and also when the process that started it dies in whatever way. A
//! server whose programs are not installed is an error that names the package: a test that needs it fails.
//!
//! To start a server costs more than to use it, so a test binary shares one and every test makes a database of its
//! own:
//!
//! ```no_run
//! use etl_test_services::PostgresServer;
//!
//! # fn main() -> Result<(), etl_test_services::ServiceError> {
//! let database = PostgresServer::shared().fresh_database()?;
//! database.psql("CREATE TABLE t (id bigint)")?;
//! assert_eq!(database.psql("SELECT count(*) FROM t")?, "0");
//! println!("{}", database.url());
//! # Ok(())
//! # }
//! ```

mod account;
mod error;
mod guard;
mod jaeger;
mod port;
mod postgres;
mod program;
mod prometheus;
mod proxy;
mod single;

pub use error::ServiceError;
pub use jaeger::JaegerServer;
pub use postgres::{
    Authentication, Certificate, Database, Durability, PostgresBuilder, PostgresServer, again_on_postgres_18,
    expected_postgres,
};
pub use prometheus::{PrometheusServer, promtool_check};
pub use proxy::{Direction, Moment, Proxy, Trigger};
pub use single::get;
