//! Connectors that are configured and never run.

#![allow(dead_code)] // fields are there for the schemas, and no test file uses everything

use std::sync::Arc;

use async_trait::async_trait;
use etl_model::{Batch, PartitionId, Position, Route};
use etl_sdk::{
    CommitKind, ConnectorError, Descriptor, Destination, DestinationCapabilities, DestinationConnector,
    Discovery, Encoder, FieldError, PartitionInfo, PartitionReader, Processed, Processor,
    ProcessorCapabilities, ProcessorConnector, ReadOptions, Registry, RouteWriter, RunContext, Source,
    SourceCapabilities, SourceConnector, parse_config,
};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

pub fn registry() -> Registry {
    Registry::default()
        .source(FileSource)
        .source(Stdin)
        .processor(Filter)
        .processor(Mapping)
        .processor(Mask)
        .processor(Router)
        .processor(Counter)
        .processor(Repartition)
        .destination(FileDestination)
        .destination(Sqlite)
        .destination(Stdout)
}

fn descriptor(name: &'static str, schema: schemars::Schema) -> Descriptor {
    Descriptor { name, summary: "A fake.", documentation: "A fake for tests.", schema, example: "type: fake" }
}

/// A file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileConfig {
    /// The file, or a pattern of files.
    pub path: String,
    /// The format; by extension unless given.
    pub format: Option<Format>,
    /// The longest record.
    #[schemars(with = "Option<String>", extend("format" = "byte-size"))]
    pub max_record: Option<etl_model::ByteSize>,
    /// How long to wait for new data. (A plain string for the schema.)
    #[schemars(with = "Option<String>")]
    pub patience: Option<etl_model::Span>,
    /// Whether the first row names the columns.
    #[serde(default)]
    pub header: bool,
    /// Rows to skip.
    #[serde(default)]
    pub skip: u8,
    /// Types of columns by name.
    #[serde(default)]
    pub columns: std::collections::BTreeMap<String, ColumnType>,
    /// Names, or a number of columns.
    pub names: Option<Names>,
    /// Where bad rows end.
    pub rejects: Option<Rejects>,
    /// Which part to read.
    pub part: Option<Part>,
    /// A factor.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub sample: Option<f64>,
    /// Anything.
    pub extra: Option<Value>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Comma-separated.
    Csv,
    Json,
    Parquet,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    Int,
    Text,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Names {
    List(Vec<String>),
    Count(u32),
}

#[derive(Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Rejects {
    File { path: String },
    Count { limit: u32 },
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    All,
    Lines(u64),
    Bytes { from: u64, to: u64 },
}

struct FileSource;

impl SourceConnector for FileSource {
    fn descriptor(&self) -> Descriptor {
        descriptor("file", schema_for!(FileConfig))
    }

    fn configure(&self, config: &Value) -> Result<Arc<dyn Source>, Vec<FieldError>> {
        let config: FileConfig = parse_config(config)?;
        let mut errors = Vec::new();
        if config.path.starts_with('/') {
            errors.push(FieldError::new("absolute", "the path must be relative").at("path"));
        }
        if config.columns.contains_key("") {
            errors.push(
                FieldError::new("column", "a column has no name").at("columns").at("").with_help("name it"),
            );
        }
        if errors.is_empty() { Ok(fake(true, None)) } else { Err(errors) }
    }
}

struct Stdin;

impl SourceConnector for Stdin {
    fn descriptor(&self) -> Descriptor {
        descriptor("stdin", schema_for!(Empty))
    }

    fn configure(&self, config: &Value) -> Result<Arc<dyn Source>, Vec<FieldError>> {
        let _: Empty = parse_config(config)?;
        Ok(fake(false, Some("standard input cannot be rewound")))
    }
}

/// Nothing.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Empty {}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FilterConfig {
    /// Rows for which it is true go on.
    condition: String,
}

struct Filter;

impl ProcessorConnector for Filter {
    fn descriptor(&self) -> Descriptor {
        descriptor("filter", schema_for!(FilterConfig))
    }

    fn configure(&self, config: &Value) -> Result<Arc<dyn Processor>, Vec<FieldError>> {
        let config: FilterConfig = parse_config(config)?;
        match config.condition.find('?') {
            None => Ok(Arc::new(Fake { capable: true, reason: None })),
            Some(offset) => {
                let error = FieldError::new("expression", "`?` is not expected here");
                Err(vec![error.at("condition").at_offset(offset)])
            }
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MappingConfig {
    /// Fields carried over.
    #[serde(default)]
    keep: Vec<String>,
    /// New fields.
    #[serde(default)]
    mappings: Vec<Assignment>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Assignment {
    /// The field to copy.
    source: Option<String>,
    /// The field to make.
    destination: String,
}

struct Mapping;

impl ProcessorConnector for Mapping {
    fn descriptor(&self) -> Descriptor {
        descriptor("mapping", schema_for!(MappingConfig))
    }

    fn configure(&self, config: &Value) -> Result<Arc<dyn Processor>, Vec<FieldError>> {
        let _: MappingConfig = parse_config(config)?;
        Ok(Arc::new(Fake { capable: true, reason: None }))
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MaskConfig {
    /// What is masked.
    masking_rules: Vec<MaskRule>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MaskRule {
    /// The field.
    field: String,
    /// How.
    method: String,
    /// A key.
    key: Option<String>,
}

struct Mask;

impl ProcessorConnector for Mask {
    fn descriptor(&self) -> Descriptor {
        descriptor("mask", schema_for!(MaskConfig))
    }

    fn configure(&self, config: &Value) -> Result<Arc<dyn Processor>, Vec<FieldError>> {
        let config: MaskConfig = parse_config(config)?;
        let short = |(i, rule): (usize, &MaskRule)| {
            let error =
                FieldError::new("short_key", "the key is too short").at("masking_rules").at(i).at("key");
            (rule.key.as_ref()?.len() < 8).then_some(error)
        };
        let errors: Vec<FieldError> = config.masking_rules.iter().enumerate().filter_map(short).collect();
        if errors.is_empty() { Ok(Arc::new(Fake { capable: true, reason: None })) } else { Err(errors) }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RouterConfig {
    /// Conditions by output.
    outputs: std::collections::BTreeMap<String, String>,
    /// Whether outputs that nobody reads are wanted.
    #[serde(default)]
    drop_unmatched: bool,
    /// Put in by the language.
    #[serde(default)]
    #[schemars(skip)]
    port: Option<Value>,
}

struct Router;

impl ProcessorConnector for Router {
    fn descriptor(&self) -> Descriptor {
        descriptor("route", schema_for!(RouterConfig))
    }

    fn configure(&self, config: &Value) -> Result<Arc<dyn Processor>, Vec<FieldError>> {
        let _: RouterConfig = parse_config(config)?;
        Ok(Arc::new(Fake { capable: true, reason: None }))
    }
}

struct Counter;

impl ProcessorConnector for Counter {
    fn descriptor(&self) -> Descriptor {
        descriptor("counter", schema_for!(Empty))
    }

    fn configure(&self, config: &Value) -> Result<Arc<dyn Processor>, Vec<FieldError>> {
        let _: Empty = parse_config(config)?;
        Ok(Arc::new(Fake { capable: false, reason: None }))
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RepartitionConfig {
    /// The fields of the key.
    by: Vec<String>,
    /// How many shards there are.
    #[serde(default = "usual")]
    #[schemars(range(min = 1, max = 256))]
    shards: std::num::NonZeroU16,
}

fn usual() -> std::num::NonZeroU16 {
    std::num::NonZeroU16::new(8).unwrap()
}

struct Repartition;

impl ProcessorConnector for Repartition {
    fn descriptor(&self) -> Descriptor {
        descriptor("repartition", schema_for!(RepartitionConfig))
    }

    fn is_repartition(&self) -> bool {
        true
    }

    fn configure(&self, config: &Value) -> Result<Arc<dyn Processor>, Vec<FieldError>> {
        let config: RepartitionConfig = parse_config(config)?;
        Ok(Arc::new(Divider(config)))
    }
}

struct Divider(RepartitionConfig);

impl Processor for Divider {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: true, waits: false }
    }

    fn repartition(&self) -> Option<&dyn etl_sdk::Repartition> {
        Some(self)
    }

    fn process(&self, _: Batch) -> Result<Processed, ConnectorError> {
        not_run()
    }
}

impl etl_sdk::Repartition for Divider {
    fn by(&self) -> &[String] {
        &self.0.by
    }

    fn shards(&self) -> std::num::NonZeroU16 {
        self.0.shards
    }

    fn divide(&self, _: Batch) -> Result<etl_sdk::Divided, ConnectorError> {
        not_run()
    }
}

struct FileDestination;

impl DestinationConnector for FileDestination {
    fn descriptor(&self) -> Descriptor {
        descriptor("file", schema_for!(FileConfig))
    }

    fn configure(&self, config: &Value) -> Result<Arc<dyn Destination>, Vec<FieldError>> {
        let _: FileConfig = parse_config(config)?;
        Ok(Arc::new(Fake { capable: true, reason: None }))
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SqliteConfig {
    /// The database.
    path: String,
    /// The table.
    table: String,
    /// A password of at least eight characters.
    password: Option<String>,
}

struct Sqlite;

impl DestinationConnector for Sqlite {
    fn descriptor(&self) -> Descriptor {
        descriptor("sqlite", schema_for!(SqliteConfig))
    }

    fn configure(&self, config: &Value) -> Result<Arc<dyn Destination>, Vec<FieldError>> {
        let config: SqliteConfig = parse_config(config)?;
        if config.path.is_empty() || config.table.is_empty() {
            return Err(vec![FieldError::new("empty", "path and table must not be empty")]);
        }
        match config.password {
            Some(password) if password.contains(' ') || password.starts_with("${") => Err(vec![
                FieldError::new("password", format!("`{password}` is not a password")).at("password"),
            ]),
            _ => Ok(Arc::new(Fake { capable: true, reason: None })),
        }
    }
}

struct Stdout;

impl DestinationConnector for Stdout {
    fn descriptor(&self) -> Descriptor {
        descriptor("stdout", schema_for!(Empty))
    }

    fn configure(&self, config: &Value) -> Result<Arc<dyn Destination>, Vec<FieldError>> {
        let _: Empty = parse_config(config)?;
        Ok(Arc::new(Fake { capable: false, reason: None }))
    }
}

struct Fake {
    capable: bool,
    reason: Option<&'static str>,
}

fn fake(capable: bool, reason: Option<&'static str>) -> Arc<dyn Source> {
    Arc::new(Fake { capable, reason })
}

fn not_run<T>() -> Result<T, ConnectorError> {
    Err(ConnectorError::internal("a fake is not run"))
}

#[async_trait]
impl Source for Fake {
    fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities {
            replayable: self.capable,
            ordered: true,
            bounded: true,
            reason: self.reason.map(str::to_owned),
        }
    }

    async fn check(&self) -> Result<(), ConnectorError> {
        not_run()
    }

    async fn discover(&self, _known: &[PartitionId]) -> Result<Discovery, ConnectorError> {
        not_run()
    }

    async fn read(
        &self,
        _: &PartitionInfo,
        _: Option<&Position>,
        _: &ReadOptions,
    ) -> Result<Box<dyn PartitionReader>, ConnectorError> {
        not_run()
    }
}

impl Processor for Fake {
    fn capabilities(&self) -> ProcessorCapabilities {
        ProcessorCapabilities { stateless: self.capable, waits: false }
    }

    fn process(&self, _: Batch) -> Result<Processed, ConnectorError> {
        not_run()
    }
}

struct NoEncoder;

impl Encoder for NoEncoder {
    fn encode(&self, _: Batch) -> Result<etl_sdk::Encoded, ConnectorError> {
        not_run()
    }
}

#[async_trait]
impl Destination for Fake {
    fn capabilities(&self) -> DestinationCapabilities {
        DestinationCapabilities {
            commit: if self.capable { CommitKind::Transactional } else { CommitKind::None },
            max_writers: None,
            holds_rows: false,
            rejects_rows: false,
            unit_bytes: None,
        }
    }

    async fn check(&self, _: &RunContext) -> Result<(), ConnectorError> {
        not_run()
    }

    fn encoder(&self) -> Arc<dyn Encoder> {
        Arc::new(NoEncoder)
    }

    async fn open(
        &self,
        _: &RunContext,
        _: &Route,
        _: usize,
    ) -> Result<Box<dyn RouteWriter>, ConnectorError> {
        not_run()
    }

    async fn complete(&self, _: &RunContext, _: &[Route]) -> Result<(), ConnectorError> {
        not_run()
    }
}

/// The environment of all tests.
pub fn environment(name: &str) -> Option<String> {
    match name {
        "NAME" => Some("orders".to_owned()),
        "NUMBER" => Some("5".to_owned()),
        "YES" => Some("true".to_owned()),
        "EMPTY" => Some(String::new()),
        "INJECTION" => Some("a: b\n${secret:x} ${NAME}".to_owned()),
        "POSTGRES_HOST" | "POSTGRES_USER" | "POSTGRES_PASSWORD" | "ES_HOST" => Some("x".to_owned()),
        _ => None,
    }
}
