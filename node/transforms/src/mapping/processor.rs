use etl_model::Batch;
use etl_sdk::{ConnectorError, Processed, Processor, ProcessorCapabilities};

use crate::mapping::config::{Item, MappingRules};
use crate::mapping::layout::Layout;
use crate::mapping::projection::Projection;
use crate::record_errors::RecordErrors;
use crate::schema_cache::SchemaCache;
use crate::unfit::Unfit;

/// A configured mapping, compiled per schema as batches arrive.
pub(crate) struct MappingProcessor {
    rules: MappingRules,
    layout: Layout,
    projections: SchemaCache<Result<Projection, Unfit>>,
}

impl MappingProcessor {
    pub fn new(rules: MappingRules) -> Self {
        let destination = |item: &Item| -> Vec<String> { item.destination.clone() };
        let destinations: Vec<Vec<String>> = rules.items.iter().map(destination).collect();
        let layout = Layout::new(destinations.iter().map(Vec::as_slice));
        Self { rules, layout, projections: SchemaCache::new() }
    }
}

impl Processor for MappingProcessor {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: true, waits: false }
    }

    fn process(&self, batch: Batch) -> Result<Processed, ConnectorError> {
        let schema = batch.schema();
        let projection =
            self.projections.get(&schema, || Projection::new(&self.rules, &self.layout, &schema));
        let mut errors = RecordErrors::default();
        let internal = |error: String| ConnectorError::internal(format!("mapping: {error}"));
        let projection = match projection.as_ref() {
            Ok(projection) => projection,
            Err(unfit) => return Ok(unfit.refuse(&batch)),
        };
        let records = projection
            .apply(&self.layout, batch.records(), &mut errors)
            .map_err(|error| internal(error.to_string()))?;
        let mapped = batch.clone().with_records(records).map_err(|error| internal(error.to_string()))?;
        errors.take_out(&batch, mapped).map_err(|error| internal(error.to_string()))
    }
}
