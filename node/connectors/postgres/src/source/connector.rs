use std::sync::Arc;

use async_trait::async_trait;
use etl_model::{PartitionId, Position};
use etl_sdk::{
    ConnectorError, Descriptor, Discovery, FieldError, PartitionInfo, PartitionReader, ReadOptions, Source,
    SourceCapabilities, SourceConnector,
};

use super::bounds::{cover, cut};
use super::config::{Config, RawConfig, Relation};
use super::documentation::{DOCUMENTATION, EXAMPLE};
use super::origin::Origin;
use super::range::Range;
use super::reader::Reader;

/// The source type `postgres`.
#[derive(Debug, Clone, Copy, Default)]
pub struct PostgresSource;

impl SourceConnector for PostgresSource {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "postgres",
            summary: "Reads a table, view or query of a PostgreSQL database by binary COPY, at one snapshot.",
            documentation: DOCUMENTATION,
            schema: schemars::schema_for!(RawConfig),
            example: EXAMPLE,
        }
    }

    fn configure(&self, config: &serde_json::Value) -> Result<Arc<dyn Source>, Vec<FieldError>> {
        Ok(Arc::new(Configured(Arc::new(Origin::new(Config::parse(config)?)))))
    }
}

struct Configured(Arc<Origin>);

#[async_trait]
impl Source for Configured {
    fn capabilities(&self) -> SourceCapabilities {
        let continued = !self.0.config.key.is_empty() || matches!(self.0.config.relation, Relation::Table(_));
        SourceCapabilities {
            replayable: continued,
            ordered: continued,
            bounded: true,
            reason: (!continued)
                .then(|| "a query without `key` cannot be continued after an interruption".to_owned()),
        }
    }

    async fn check(&self) -> Result<(), ConnectorError> {
        self.0.plan().await?;
        Ok(())
    }

    async fn discover(&self, known: &[PartitionId]) -> Result<Discovery, ConnectorError> {
        // Before anything is looked at, so that every partition sees at least what the bounds were taken from.
        self.0.snapshots.get(&self.0.config.connection).await?;
        let (session, plan) = self.0.plan().await?;
        let name = self.0.name();
        let again: Option<Vec<Range>> = known.iter().map(|id| Range::of_id(&id.0, &name)).collect();
        let ranges = match again.filter(|ranges| cover(ranges)) {
            Some(ranges) => ranges,
            None => match known.first() {
                Some(id) => return Err(self.0.unknown(id).into()),
                None => cut(&self.0.config, &plan, &session).await?,
            },
        };
        let partition =
            |range: &Range| PartitionInfo { id: PartitionId(range.id(&name)), bytes: None, records: None };
        let found = Discovery {
            partitions: ranges.iter().map(partition).collect(),
            schema: Some(plan.schema.clone()),
            notes: plan.notes.clone(),
        };
        self.0.decided(plan);
        Ok(found)
    }

    async fn read(
        &self,
        partition: &PartitionInfo,
        from: Option<&Position>,
        options: &ReadOptions,
    ) -> Result<Box<dyn PartitionReader>, ConnectorError> {
        let range = self.0.range(&partition.id)?;
        Ok(Box::new(Reader::new(self.0.clone(), range, from.cloned(), *options).await?))
    }
}
