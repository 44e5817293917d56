use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use etl_formats::Decoder;
use etl_formats::csv::CsvDecoder;
use etl_formats::json::{JsonDecoder, JsonOptions};
use etl_model::{PartitionId, Position};
use etl_sdk::{
    ConnectorError, Discovery, PartitionInfo, PartitionReader, ReadOptions, Source, SourceCapabilities,
    blocking,
};
use tokio::sync::OnceCell;

use super::chunk::TextDecoder;
use super::files::to_read;
use super::framing::{Opening, TextKind};
use super::input::{Input, open};
use super::parquet_core::{self, ParquetCore};
use super::prefix::Place;
use super::reader::ReadAhead;
use super::schema;
use super::settings::Settings;
use super::text_core::TextCore;
use crate::error::FileError;
use crate::format::Format;

/// A configured path or pattern; each file is a partition.
pub struct Files {
    settings: Arc<Settings>,
    /// Inferred once per run.
    schema: OnceCell<SchemaRef>,
}

impl Files {
    /// The source with these settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings: Arc::new(settings), schema: OnceCell::new() }
    }

    async fn schema(&self) -> Result<SchemaRef, ConnectorError> {
        let infer = || {
            let settings = Arc::clone(&self.settings);
            blocking(move || Ok(schema_of(&to_read(&settings)?, &settings)?))
        };
        self.schema.get_or_try_init(infer).await.cloned()
    }
}

#[async_trait]
impl Source for Files {
    fn capabilities(&self) -> SourceCapabilities {
        let bounded = self.settings.watch.is_none();
        let reason = (!bounded).then(|| "with `watch` the run goes on for the files that come".to_owned());
        SourceCapabilities { replayable: true, ordered: true, bounded, reason }
    }

    fn is_local(&self) -> bool {
        true
    }

    async fn check(&self) -> Result<(), ConnectorError> {
        let settings = Arc::clone(&self.settings);
        blocking(move || {
            for file in to_read(&settings)? {
                settings.format(Path::new(&file))?;
                open(Path::new(&file))?;
            }
            Ok(())
        })
        .await
    }

    async fn discover(&self, _known: &[PartitionId]) -> Result<Discovery, ConnectorError> {
        let settings = Arc::clone(&self.settings);
        let partitions = blocking(move || {
            let mut partitions = Vec::new();
            for file in to_read(&settings)? {
                let path = Path::new(&file);
                let size = fs::metadata(path).map_err(FileError::io("look at", path))?.len();
                partitions.push(PartitionInfo { id: PartitionId(file), bytes: Some(size), records: None });
            }
            Ok(partitions)
        })
        .await?;
        // Without a file there is nothing to tell it by yet.
        let schema = if partitions.is_empty() { None } else { Some(self.schema().await?) };
        Ok(Discovery { partitions, schema, notes: Vec::new() })
    }

    fn rediscovery(&self) -> Option<Duration> {
        self.settings.watch
    }

    async fn read(
        &self,
        partition: &PartitionInfo,
        from: Option<&Position>,
        options: &ReadOptions,
    ) -> Result<Box<dyn PartitionReader>, ConnectorError> {
        let schema = self.schema().await?;
        let (settings, options, file) = (Arc::clone(&self.settings), *options, partition.id.0.clone());
        let from = from.filter(|position| position.next > 0).cloned();
        blocking(move || Ok(open_partition(&file, &settings, schema, from.as_ref(), &options)?)).await
    }
}

fn schema_of(files: &[String], settings: &Settings) -> Result<SchemaRef, FileError> {
    let mut format = None;
    for file in files {
        let found = settings.format(Path::new(file))?;
        if *format.get_or_insert(found) != found {
            return Err(FileError::user(
                "mixed_formats",
                format!("`{}` matches files of several formats, among them {file}", settings.path),
                "set `format`, or make the pattern match the files of one format",
            ));
        }
    }
    match (format, files.first()) {
        (Some(Format::Parquet), Some(first)) => parquet_core::schema(Path::new(first)),
        (Some(format), _) => schema::infer(files, format, settings),
        (None, _) => Err(FileError::Internal("no files".to_owned())),
    }
}

fn open_partition(
    file: &str,
    settings: &Settings,
    schema: SchemaRef,
    from: Option<&Position>,
    options: &ReadOptions,
) -> Result<Box<dyn PartitionReader>, FileError> {
    let path = Path::new(file);
    let format = settings.format(path)?;
    if format == Format::Parquet {
        return Ok(Box::new(ReadAhead::new(ParquetCore::open(path, from, options)?)));
    }
    let mut input = Input::open(path, settings.compression(path))?;
    let block =
        if from.is_some() { 64 << 10 } else { options.chunk_bytes.clamp(1, options.max_record_bytes.max(1)) };
    let mut opening = Opening::read(&mut input, settings, format, block)?;
    let place = match from {
        Some(position) => Place::resume(&mut input, &mut opening, position)?,
        None => Place::first_record(&mut opening),
    };
    let decoder = decoder(file, &opening.kind, settings, schema)?;
    let core = TextCore::new(input, &opening.kind, Arc::new(decoder), place, from.is_some(), options);
    Ok(Box::new(ReadAhead::new(core)))
}

fn decoder(
    file: &str,
    kind: &TextKind,
    settings: &Settings,
    schema: SchemaRef,
) -> Result<TextDecoder, FileError> {
    let path = Path::new(file);
    let failed = || FileError::format(path);
    let (decoder, order): (Box<dyn Decoder>, _) = match kind {
        // A file without any record has no columns; it is at its end at once.
        TextKind::Csv { dialect, names } if names.is_empty() => {
            (Box::new(CsvDecoder::new(schema, dialect.clone()).map_err(failed())?), None)
        }
        TextKind::Csv { dialect, names } => {
            let known: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
            let found: Vec<&str> = names.iter().map(String::as_str).collect();
            let order = schema::order(path, &known, &found)?;
            let in_file = match &order {
                None => schema,
                Some(order) => {
                    let mut fields = vec![None; names.len()];
                    for (field, &place) in schema.fields().iter().zip(order) {
                        fields[place] = Some(Arc::clone(field));
                    }
                    let fields: Vec<_> = fields.into_iter().flatten().collect();
                    Arc::new(arrow::datatypes::Schema::new(fields))
                }
            };
            let decoder = CsvDecoder::new(in_file, dialect.clone()).map_err(failed())?;
            (Box::new(decoder.with_declared(settings.declared_names())), order)
        }
        TextKind::Json(framing) => {
            let options = JsonOptions { framing: *framing, nested: settings.nested };
            let decoder = JsonDecoder::with_declared(options, schema, settings.declared_names());
            (Box::new(decoder.map_err(failed())?), None)
        }
    };
    Ok(TextDecoder::new(file, decoder, order))
}
