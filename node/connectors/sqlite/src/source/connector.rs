use std::sync::Arc;

use async_trait::async_trait;
use etl_model::{PartitionId, Position};
use etl_sdk::{
    ConnectorError, Descriptor, Discovery, FieldError, PartitionInfo, PartitionReader, ReadOptions, Source,
    SourceCapabilities, SourceConnector, blocking,
};

use super::config::{Config, RawConfig, Relation};
use super::documentation::{DOCUMENTATION, EXAMPLE};
use super::plan::Plan;
use super::producer::Producer;
use super::reader::Reader;
use crate::connection::open_reader;

/// The source type `sqlite`.
#[derive(Debug, Clone, Copy, Default)]
pub struct SqliteSource;

impl SourceConnector for SqliteSource {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "sqlite",
            summary: "Reads a table, view or query of a SQLite database.",
            documentation: DOCUMENTATION,
            schema: schemars::schema_for!(RawConfig),
            example: EXAMPLE,
        }
    }

    fn configure(&self, config: &serde_json::Value) -> Result<Arc<dyn Source>, Vec<FieldError>> {
        Ok(Arc::new(Configured { config: Arc::new(Config::parse(config)?) }))
    }
}

struct Configured {
    config: Arc<Config>,
}

impl Configured {
    async fn plan(&self) -> Result<Plan, ConnectorError> {
        let config = self.config.clone();
        blocking(move || Ok(Plan::new(&open_reader(&config.path)?, &config)?)).await
    }
}

#[async_trait]
impl Source for Configured {
    fn capabilities(&self) -> SourceCapabilities {
        let keyed = !self.config.key.is_empty() || matches!(self.config.relation, Relation::Table(_));
        SourceCapabilities {
            replayable: keyed,
            ordered: keyed,
            bounded: true,
            reason: (!keyed).then(|| "a query without `key` has no order to continue in".to_owned()),
        }
    }

    fn is_local(&self) -> bool {
        true
    }

    async fn check(&self) -> Result<(), ConnectorError> {
        self.plan().await.map(drop)
    }

    async fn discover(&self, _known: &[PartitionId]) -> Result<Discovery, ConnectorError> {
        let plan = self.plan().await?;
        let id = match &self.config.relation {
            Relation::Table(name) => name.clone(),
            Relation::Query(_) => "query".to_owned(),
        };
        let partition = PartitionInfo { id: PartitionId(id), bytes: None, records: None };
        Ok(Discovery { partitions: vec![partition], schema: Some(plan.schema), notes: Vec::new() })
    }

    async fn read(
        &self,
        _partition: &PartitionInfo,
        from: Option<&Position>,
        options: &ReadOptions,
    ) -> Result<Box<dyn PartitionReader>, ConnectorError> {
        let (config, from, options) = (self.config.clone(), from.cloned(), *options);
        let producer = blocking(move || {
            let connection = open_reader(&config.path)?;
            let plan = Plan::new(&connection, &config)?;
            Ok(Producer::new(connection, plan, from.as_ref(), options)?)
        })
        .await?;
        Ok(Box::new(Reader::start(producer)))
    }
}
