use etl_model::Batch;
use etl_sdk::{ConnectorError, Processed, Processor, ProcessorCapabilities};

use crate::mapping::config::{Item, MappingRules};
use crate::mapping::layout::Layout;
use crate::mapping::projection::{Projection, Unfit};
use crate::record_errors::RecordErrors;
use crate::schema_cache::SchemaCache;

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
            Err(unfit) => {
                errors.add_all(batch.len(), &unfit.fault, Some(&unfit.field));
                let none = batch.slice(0, 0);
                return Ok(Processed { batch: none, filtered: Vec::new(), errors: errors.finish(&batch) });
            }
        };
        let records = projection
            .apply(&self.layout, batch.records(), &mut errors)
            .map_err(|error| internal(error.to_string()))?;
        let mapped = batch.clone().with_records(records).map_err(|error| internal(error.to_string()))?;
        if errors.is_empty() {
            return Ok(Processed { batch: mapped, filtered: Vec::new(), errors: Vec::new() });
        }
        let sound = mapped.filter(&errors.sound(batch.len())).map_err(|error| internal(error.to_string()))?;
        Ok(Processed { batch: sound, filtered: Vec::new(), errors: errors.finish(&batch) })
    }
}
