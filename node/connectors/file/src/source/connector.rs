use std::sync::Arc;

use etl_sdk::{Descriptor, FieldError, Source, SourceConnector, parse_config};

use super::config::FileSourceConfig;
use super::partition::Files;
use super::settings::Settings;

/// The source type `file`.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileSource;

const EXAMPLE: &str = r#"type: file
config:
  path: "data/orders-*.csv"
  schema:
    zip: string
    amount: decimal(12,2)
"#;

impl SourceConnector for FileSource {
    fn descriptor(&self) -> Descriptor {
        Descriptor {
            name: "file",
            summary: "Reads CSV, JSON and Parquet files, one or all that a pattern matches.",
            documentation: include_str!("documentation.md"),
            schema: schemars::schema_for!(FileSourceConfig),
            example: EXAMPLE,
        }
    }

    fn configure(&self, config: &serde_json::Value) -> Result<Arc<dyn Source>, Vec<FieldError>> {
        let config: FileSourceConfig = parse_config(config)?;
        Ok(Arc::new(Files::new(Settings::new(&config)?)))
    }
}
