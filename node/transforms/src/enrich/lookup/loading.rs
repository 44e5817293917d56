use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use etl_sdk::{ConnectorError, Fetched, ReadOptions, Source, blocking};

use super::table::Table;
use crate::enrich::config::LookupRules;

/// Bytes of raw data that are decoded at a time.
const CHUNK: usize = 1 << 20;

/// Reads a whole table.
///
/// # Errors
/// It cannot be read, has no end, has a malformed record, is larger than it may be, or is not fit to look up in.
pub(super) async fn load(source: &dyn Source, rules: &LookupRules) -> Result<Table, ConnectorError> {
    source.check().await?;
    let discovery = source.discover(&[]).await?;
    let most = usize::try_from(rules.max_size.0).unwrap_or(usize::MAX);
    let options = ReadOptions { chunk_bytes: CHUNK.min(most), max_record_bytes: most };
    let (mut batches, mut bytes): (Vec<RecordBatch>, usize) = (Vec::new(), 0);
    for partition in &discovery.partitions {
        let mut reader = source.read(partition, None, &options).await?;
        loop {
            let chunk = match reader.next().await? {
                Fetched::End(_) => break,
                Fetched::Idle(pause) => {
                    tokio::time::sleep(pause).await;
                    continue;
                }
                Fetched::Chunk(chunk) => chunk,
            };
            let decoded = blocking(move || chunk.decode()).await?;
            if let Some(error) = decoded.errors.into_iter().next() {
                let place = error.location.map(|at| format!("{}: ", at.origin)).unwrap_or_default();
                let message = format!("record {} of the table: {place}{}", error.ordinal + 1, error.message);
                return Err(ConnectorError::user("lookup_table", message, "mend the record"));
            }
            for batch in decoded.batches {
                bytes += batch.memory();
                batches.push(batch.records().clone());
            }
            if bytes > most {
                let message = format!("the table takes more than `max_size`, {}", rules.max_size);
                let help = "raise `max_size`, or read fewer columns and rows";
                return Err(ConnectorError::user("lookup_too_large", message, help));
            }
        }
    }
    let first = batches.first().map(RecordBatch::schema);
    let Some(schema) = first.or(discovery.schema) else {
        let help = "look at the source of the table; one that may be empty has to tell its columns";
        return Err(ConnectorError::user(
            "lookup_table",
            "the table is empty, and its columns are not known",
            help,
        ));
    };
    same(&schema, &batches)?;
    let rules = rules.clone();
    blocking(move || Table::new(&rules, schema, &batches)).await
}

fn same(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<(), ConnectorError> {
    match batches.iter().find(|batch| batch.schema().fields() != schema.fields()) {
        None => Ok(()),
        Some(other) => {
            let difference =
                schema.fields().iter().zip(other.schema().fields()).find(|(a, b)| a != b).map_or_else(
                    || "the number of columns".to_owned(),
                    |(a, b)| {
                        format!("`{}` is {} and `{}` {}", a.name(), a.data_type(), b.name(), b.data_type())
                    },
                );
            let message = format!("the table changes its columns on the way: {difference}");
            let help = "declare the columns in the source, if it can, so that they have one type";
            Err(ConnectorError::user("lookup_table", message, help))
        }
    }
}
