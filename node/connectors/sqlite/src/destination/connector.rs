use std::sync::Arc;

use async_trait::async_trait;
use etl_model::Route;
use etl_sdk::{
    CommitKind, ConnectorError, Descriptor, Destination, DestinationCapabilities, DestinationConnector,
    Encoder, FieldError, RouteWriter, RunContext, blocking,
};

use super::completion;
use super::config::{Config, RawConfig};
use super::documentation::{DOCUMENTATION, EXAMPLE};
use super::encoder::ColumnEncoder;
use super::target;
use super::writer::{Turns, Writer};
use crate::SqliteError;
use crate::connection::open_writer;
use crate::error::At;

/// The destination type `sqlite`.
#[derive(Debug, Clone, Copy, Default)]
pub struct SqliteDestination;

impl DestinationConnector for SqliteDestination {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "sqlite",
            summary: "Writes rows to a table of a SQLite database, exactly once.",
            documentation: DOCUMENTATION,
            schema: schemars::schema_for!(RawConfig),
            example: EXAMPLE,
        }
    }

    fn configure(&self, config: &serde_json::Value) -> Result<Arc<dyn Destination>, Vec<FieldError>> {
        let config = Arc::new(Config::parse(config)?);
        Ok(Arc::new(Configured { config, turns: Turns::default() }))
    }
}

struct Configured {
    config: Arc<Config>,
    turns: Turns,
}

#[async_trait]
impl Destination for Configured {
    fn capabilities(&self) -> DestinationCapabilities {
        DestinationCapabilities {
            commit: CommitKind::Transactional,
            max_writers: None,
            holds_rows: true,
            rejects_rows: true,
            unit_bytes: Some(16 << 20),
        }
    }

    fn is_local(&self) -> bool {
        true
    }

    async fn check(&self, _run: &RunContext) -> Result<(), ConnectorError> {
        let config = self.config.clone();
        blocking(move || Ok(check(&config)?)).await
    }

    fn encoder(&self) -> Arc<dyn Encoder> {
        Arc::new(ColumnEncoder)
    }

    async fn open(
        &self,
        run: &RunContext,
        route: &Route,
        _index: usize,
    ) -> Result<Box<dyn RouteWriter>, ConnectorError> {
        Ok(Box::new(Writer::new(self.config.clone(), run.run, route.clone(), self.turns.clone())))
    }

    async fn complete(&self, run: &RunContext, routes: &[Route]) -> Result<(), ConnectorError> {
        let (config, run, routes) = (self.config.clone(), run.clone(), routes.to_vec());
        blocking(move || completion::complete(&config, &run, &routes)).await
    }
}

fn check(config: &Config) -> Result<(), SqliteError> {
    let place = config.path.display().to_string();
    if !config.path.exists() {
        let parent = config.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(parent) = parent.filter(|parent| !parent.is_dir()) {
            return Err(SqliteError::user(
                "directory_missing",
                format!("{place}: there is no directory `{}`", parent.display()),
                "create it, or correct `path`",
            ));
        }
        if !config.create {
            return Err(SqliteError::user(
                "table_missing",
                format!("{place}: there is no such database, so no table `{}` either", config.table),
                "correct `path`, or allow both to be created with `create: true`",
            ));
        }
        return Ok(());
    }
    let connection = open_writer(&config.path, true)?;
    target::existing(&connection, config, &place)?;
    // Asks for the lock, and so for the permission, to write.
    connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK").at(&place)
}
