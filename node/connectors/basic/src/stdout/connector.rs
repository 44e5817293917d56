use std::sync::Arc;

use etl_sdk::{Descriptor, Destination, DestinationConnector, FieldError, parse_config};

use super::config::RawConfig;
use super::destination::StandardOutput;
use super::documentation::{DOCUMENTATION, EXAMPLE};
use super::output::Output;

/// The destination type `stdout`.
#[derive(Debug, Clone, Copy, Default)]
pub struct StdoutDestination;

impl DestinationConnector for StdoutDestination {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "stdout",
            summary: "Prints rows to standard output as JSON lines or CSV.",
            documentation: DOCUMENTATION,
            schema: schemars::schema_for!(RawConfig),
            example: EXAMPLE,
        }
    }

    fn configure(&self, config: &serde_json::Value) -> Result<Arc<dyn Destination>, Vec<FieldError>> {
        let raw: RawConfig = parse_config(config)?;
        Ok(Arc::new(StandardOutput::new(raw.format, Output::standard())))
    }
}
