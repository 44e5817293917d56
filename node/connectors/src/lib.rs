//! The registry of built-in connectors and transformations.

use etl_connector_basic::{GenerateSource, StdoutDestination};
use etl_connector_file::{FileDestination, FileSource};
use etl_connector_postgres::{PostgresDestination, PostgresSource};
use etl_connector_sqlite::{SqliteDestination, SqliteSource};
use etl_sdk::Registry;
use etl_transforms::{
    Cast, Dedupe, Detokenise, Enrich, Explode, Filter, Flatten, Limit, Mapping, Mask, Parse, Repartition,
    Route, Sample, Script, Validate,
};

/// Every type that this program knows.
pub fn registry() -> Registry {
    let registry = sources()
        .processor(Cast)
        .processor(Dedupe)
        .processor(Detokenise)
        .processor(Enrich::new(sources()))
        .processor(Explode)
        .processor(Filter)
        .processor(Flatten)
        .processor(Limit)
        .processor(Mapping)
        .processor(Mask)
        .processor(Parse)
        .processor(Repartition)
        .processor(Route)
        .processor(Sample)
        .processor(Script)
        .processor(Validate)
        .destination(FileDestination)
        .destination(PostgresDestination)
        .destination(SqliteDestination)
        .destination(StdoutDestination);
    #[cfg(feature = "full")]
    let registry = registry.processor(etl_transforms::Sql);
    registry
}

/// Every type of source, which tables of lookups are read from as well.
fn sources() -> Registry {
    Registry::default().source(FileSource).source(GenerateSource).source(PostgresSource).source(SqliteSource)
}
