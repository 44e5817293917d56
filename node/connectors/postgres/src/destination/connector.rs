use std::sync::Arc;

use async_trait::async_trait;
use etl_model::Route;
use etl_sdk::{
    CommitKind, ConnectorError, Descriptor, Destination, DestinationCapabilities, DestinationConnector,
    Encoder, FieldError, RouteWriter, RunContext,
};

use super::completion;
use super::config::{Config, RawConfig};
use super::documentation::{DOCUMENTATION, EXAMPLE};
use super::encoder::{Shared, TupleEncoder};
use super::target;
use super::writer::Writer;
use crate::PostgresError;
use crate::connection::Session;
use crate::error::At;

/// Bytes of tuples after which a unit is committed.
const UNIT_BYTES: u64 = 32 << 20;

/// The destination type `postgres`.
#[derive(Debug, Clone, Copy, Default)]
pub struct PostgresDestination;

impl DestinationConnector for PostgresDestination {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "postgres",
            summary: "Writes rows to a table of a PostgreSQL database by binary COPY, exactly once.",
            documentation: DOCUMENTATION,
            schema: schemars::schema_for!(RawConfig),
            example: EXAMPLE,
        }
    }

    fn configure(&self, config: &serde_json::Value) -> Result<Arc<dyn Destination>, Vec<FieldError>> {
        Ok(Arc::new(Configured { shared: Arc::new(Shared::new(Config::parse(config)?)) }))
    }
}

struct Configured {
    shared: Arc<Shared>,
}

#[async_trait]
impl Destination for Configured {
    fn capabilities(&self) -> DestinationCapabilities {
        DestinationCapabilities {
            commit: CommitKind::Transactional,
            max_writers: None,
            holds_rows: false,
            rejects_rows: true,
            unit_bytes: Some(UNIT_BYTES),
        }
    }

    async fn check(&self, _run: &RunContext) -> Result<(), ConnectorError> {
        let config = &self.shared.config;
        let session = Session::connect(&config.connection, "actix-etl looks a table up").await?;
        writable(&session).await?;
        self.shared.saw(target::existing(&session, config).await?);
        Ok(())
    }

    fn encoder(&self) -> Arc<dyn Encoder> {
        Arc::new(TupleEncoder(self.shared.clone()))
    }

    async fn open(
        &self,
        run: &RunContext,
        route: &Route,
        _index: usize,
    ) -> Result<Box<dyn RouteWriter>, ConnectorError> {
        Ok(Box::new(Writer::new(self.shared.clone(), run.run, route.clone())?))
    }

    async fn complete(&self, run: &RunContext, routes: &[Route]) -> Result<(), ConnectorError> {
        completion::complete(&self.shared.config, run, routes).await
    }
}

/// Refuses a server that only reads: a standby, or one before its promotion.
async fn writable(session: &Session) -> Result<(), PostgresError> {
    let row =
        session.client().query_one("SELECT pg_catalog.pg_is_in_recovery()", &[]).await.at(session.place())?;
    if row.try_get(0).at(session.place())? {
        return Err(PostgresError::Transient {
            code: "postgres_read_only",
            message: format!("{}: the server is a standby and takes no writes", session.place()),
        });
    }
    Ok(())
}
