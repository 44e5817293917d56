use std::io::Write;
use std::sync::Arc;

use parquet::column::writer::ColumnCloseResult;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::ChunkReader;
use parquet::file::writer::SerializedFileWriter;

use super::failure::{failure, invalid};
use crate::FormatError;

/// Joins finished Parquet files of one schema into one, in order, by copying their column chunks as they are.
/// Gives back the output and the number of rows.
///
/// # Errors
/// [`FormatError::Invalid`] if there is no part, or one is damaged or has another schema than the first (naming it by
/// its index from 0); [`FormatError::Io`] if reading or writing fails.
pub fn concatenate<R: ChunkReader, W: Write + Send>(parts: &[R], out: W) -> Result<(W, u64), FormatError> {
    let metadata = parts
        .iter()
        .enumerate()
        .map(|(index, part)| {
            ParquetMetaDataReader::new()
                .with_page_index_policy(PageIndexPolicy::Optional)
                .parse_and_finish(part)
                .map_err(|error| match failure(error) {
                    FormatError::Invalid { message, .. } => invalid(format!("part {index}: {message}")),
                    other => other,
                })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let Some(first) = metadata.first().map(ParquetMetaData::file_metadata) else {
        return Err(invalid("there is no part to join"));
    };
    for (index, part) in metadata.iter().map(ParquetMetaData::file_metadata).enumerate() {
        if part.schema() != first.schema() || part.key_value_metadata() != first.key_value_metadata() {
            return Err(invalid(format!(
                "part {index} has other columns than part 0; declare the columns' types under `schema`"
            )));
        }
    }
    let properties = WriterProperties::builder()
        .set_created_by(first.created_by().unwrap_or_default().to_owned())
        .set_key_value_metadata(first.key_value_metadata().cloned())
        .build();
    let schema = first.schema_descr().root_schema_ptr();
    let mut writer = SerializedFileWriter::new(out, schema, Arc::new(properties)).map_err(failure)?;
    let mut rows = 0;
    for (part, metadata) in parts.iter().zip(&metadata) {
        for (index, group) in metadata.row_groups().iter().enumerate() {
            let column_indexes = metadata.column_index().and_then(|indexes| indexes.get(index));
            let offset_indexes = metadata.offset_index().and_then(|indexes| indexes.get(index));
            let count =
                u64::try_from(group.num_rows()).map_err(|_| invalid("a row group has less than no rows"))?;
            let mut joined = writer.next_row_group().map_err(failure)?;
            for (column, chunk) in group.columns().iter().enumerate() {
                let close = ColumnCloseResult {
                    bytes_written: u64::try_from(chunk.compressed_size())
                        .map_err(|_| invalid("a column chunk has less than no bytes"))?,
                    rows_written: count,
                    metadata: chunk.clone(),
                    bloom_filter: None,
                    column_index: column_indexes.and_then(|indexes| indexes.get(column)).cloned(),
                    offset_index: offset_indexes.and_then(|indexes| indexes.get(column)).cloned(),
                };
                joined.append_column(part, close).map_err(failure)?;
            }
            joined.close().map_err(failure)?;
            rows += count;
        }
    }
    Ok((writer.into_inner().map_err(failure)?, rows))
}
