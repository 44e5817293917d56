use std::sync::Arc;

use etl_sdk::{Descriptor, FieldError, Source, SourceConnector};

use super::config::{Config, RawConfig};
use super::documentation::{DOCUMENTATION, EXAMPLE};
use super::source::Generator;

/// The source type `generate`.
#[derive(Debug, Clone, Copy, Default)]
pub struct GenerateSource;

impl SourceConnector for GenerateSource {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "generate",
            summary: "Makes up records, the same ones on every read.",
            documentation: DOCUMENTATION,
            schema: schemars::schema_for!(RawConfig),
            example: EXAMPLE,
        }
    }

    fn configure(&self, config: &serde_json::Value) -> Result<Arc<dyn Source>, Vec<FieldError>> {
        Ok(Arc::new(Generator::new(Config::parse(config)?)))
    }
}
