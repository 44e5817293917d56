//! The registry of built-in connectors and transformations.

use etl_connector_basic::{GenerateSource, StdoutDestination};
use etl_connector_file::{FileDestination, FileSource};
use etl_connector_postgres::{PostgresDestination, PostgresSource};
use etl_connector_sqlite::{SqliteDestination, SqliteSource};
use etl_sdk::Registry;
use etl_transforms::{Filter, Mapping, Repartition};

/// Every type that this program knows.
pub fn registry() -> Registry {
    Registry::default()
        .source(FileSource)
        .source(GenerateSource)
        .source(PostgresSource)
        .source(SqliteSource)
        .processor(Filter)
        .processor(Mapping)
        .processor(Repartition)
        .destination(FileDestination)
        .destination(PostgresDestination)
        .destination(SqliteDestination)
        .destination(StdoutDestination)
}
