use std::sync::Arc;

use etl_sdk::{Descriptor, Destination, DestinationConnector, FieldError, parse_config};

use super::config::FileDestinationConfig;
use super::settings::Settings;
use super::target::FileTarget;

/// The destination type `file`.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileDestination;

const EXAMPLE: &str = r#"type: file
config:
  path: out/orders.jsonl.zst
  mode: replace
"#;

impl DestinationConnector for FileDestination {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "file",
            summary: "Writes one CSV, JSON or Parquet file, or a directory of part files.",
            documentation: include_str!("documentation.md"),
            schema: schemars::schema_for!(FileDestinationConfig),
            example: EXAMPLE,
        }
    }

    fn configure(&self, config: &serde_json::Value) -> Result<Arc<dyn Destination>, Vec<FieldError>> {
        let config: FileDestinationConfig = parse_config(config)?;
        Ok(Arc::new(FileTarget::new(Settings::new(&config)?)))
    }
}
