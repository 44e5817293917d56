use etl_model::ByteSize;
use etl_sdk::FieldError;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the pages of a Parquet file are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParquetCompression {
    /// Fast.
    Snappy,
    /// Small.
    #[default]
    Zstd,
    /// Not at all.
    None,
}

/// How a Parquet file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ParquetOptions {
    /// Compression of the pages.
    pub compression: ParquetCompression,
    /// Encoded size at which a row group ends; also about the memory that writing takes. At least `1MiB`.
    #[schemars(with = "String")]
    pub row_group_size: ByteSize,
    /// Rows at which a row group ends. At least 1000.
    pub row_group_rows: u64,
}

impl Default for ParquetOptions {
    fn default() -> Self {
        Self {
            compression: ParquetCompression::default(),
            row_group_size: ByteSize(16 << 20),
            row_group_rows: 1 << 20,
        }
    }
}

impl ParquetOptions {
    /// Everything that is wrong with the options, paths relative to them; nothing if they can be used.
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        if self.row_group_size.0 < 1 << 20 {
            faults.push(
                FieldError::new(
                    "parquet_row_group",
                    format!("{} is too small for a row group", self.row_group_size),
                )
                .at("row_group_size")
                .with_help("use at least `1MiB`"),
            );
        }
        if self.row_group_rows < 1000 {
            faults.push(
                FieldError::new(
                    "parquet_row_group",
                    format!("{} rows are too few for a row group", self.row_group_rows),
                )
                .at("row_group_rows")
                .with_help("use at least 1000"),
            );
        }
        faults
    }

    /// The writer's properties; values too small are raised to the smallest allowed.
    pub(super) fn properties(&self, without_dictionary: &[String]) -> WriterProperties {
        let compression = match self.compression {
            ParquetCompression::None => Compression::UNCOMPRESSED,
            ParquetCompression::Snappy => Compression::SNAPPY,
            ParquetCompression::Zstd => Compression::ZSTD(ZstdLevel::default()),
        };
        let limit = |value: u64, least: u64| Some(usize::try_from(value.max(least)).unwrap_or(usize::MAX));
        let mut builder = WriterProperties::builder();
        for column in without_dictionary {
            builder = builder.set_column_dictionary_enabled(ColumnPath::from(column.as_str()), false);
        }
        builder
            .set_created_by(concat!("actix-etl version ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(compression)
            .set_max_row_group_bytes(limit(self.row_group_size.0, 1 << 20))
            .set_max_row_group_row_count(limit(self.row_group_rows, 1000))
            .build()
    }
}
