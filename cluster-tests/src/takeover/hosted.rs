use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use etl_proto::admin::Checkpoint;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rusqlite::{Connection, OpenFlags};

use super::cell::Cell;
use super::outcome::Tally;
use crate::group::Error;

/// A file of one node, in which the records of a run arrive.
pub struct Hosted {
    cell: Cell,
    path: PathBuf,
    records: u64,
}

/// Counts the records that are seen.
struct Seen {
    times: Vec<u32>,
    altered: u64,
}

impl Seen {
    fn row(&mut self, id: i64, twice: i64, payload: &str) {
        let is_whole = payload.len() == 256 && payload.bytes().all(|byte| byte.is_ascii_hexdigit());
        let times = usize::try_from(id).ok().and_then(|id| self.times.get_mut(id.checked_sub(1)?));
        match times {
            Some(times) if is_whole && twice == 2 * id => *times += 1,
            _ => self.altered += 1,
        }
    }
}

fn unexpected(error: impl std::fmt::Display) -> Error {
    Error::Unexpected(error.to_string())
}

impl Hosted {
    pub fn new(cell: Cell, directory: &Path, records: u64) -> Self {
        Self { cell, path: directory.join(cell.file()), records }
    }

    /// Looks every record up, without the code under test; what the cluster knows of the commits is in `checkpoints`.
    pub fn tally(&self, checkpoints: &[Checkpoint]) -> Result<Tally, Error> {
        let records = usize::try_from(self.records).map_err(unexpected)?;
        let mut seen = Seen { times: vec![0; records], altered: 0 };
        match self.cell {
            Cell::Parquet => self.read_parquet(&mut seen)?,
            _ => self.read_sqlite(&mut seen)?,
        }
        Ok(Tally {
            lost: seen.times.iter().filter(|times| **times == 0).count() as u64,
            doubled: seen.times.iter().map(|times| u64::from(times.saturating_sub(1))).sum(),
            altered: seen.altered,
            disordered: 0,
            units: checkpoints.iter().map(|checkpoint| checkpoint.unit).sum(),
        })
    }

    fn read_sqlite(&self, seen: &mut Seen) -> Result<(), Error> {
        let connection = Connection::open_with_flags(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY);
        let connection = connection.map_err(unexpected)?;
        let mut select = connection.prepare("SELECT id, twice, payload FROM records").map_err(unexpected)?;
        let mut rows = select.query([]).map_err(unexpected)?;
        while let Some(row) = rows.next().map_err(unexpected)? {
            let payload: String = row.get(2).map_err(unexpected)?;
            seen.row(row.get(0).map_err(unexpected)?, row.get(1).map_err(unexpected)?, &payload);
        }
        Ok(())
    }

    fn read_parquet(&self, seen: &mut Seen) -> Result<(), Error> {
        let file = File::open(&self.path).map_err(Error::file(&self.path))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|builder| builder.build());
        for batch in reader.map_err(unexpected)? {
            let batch = batch.map_err(unexpected)?;
            let column = |name: &str, wanted: &DataType| {
                let found =
                    batch.column_by_name(name).ok_or_else(|| unexpected(format!("no column {name}")))?;
                cast(found, wanted).map_err(unexpected)
            };
            let (id, twice) = (column("id", &DataType::Int64)?, column("twice", &DataType::Int64)?);
            let payload = column("payload", &DataType::Utf8)?;
            for row in 0..batch.num_rows() {
                seen.row(
                    id.as_primitive::<Int64Type>().value(row),
                    twice.as_primitive::<Int64Type>().value(row),
                    payload.as_string::<i32>().value(row),
                );
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn lost_doubled_and_altered_rows_are_seen() {
        let directory = tempfile::tempdir().unwrap();
        let connection = Connection::open(directory.path().join("out.db")).unwrap();
        let good = "0123456789abcdef".repeat(16);
        connection.execute_batch("CREATE TABLE records (id, twice, payload)").unwrap();
        for (id, twice, payload) in [
            (1, 2, &good),
            (3, 6, &good),
            (3, 6, &good),
            (4, 9, &good),
            (5, 10, &"cut".to_owned()),
            (9, 18, &good),
        ] {
            connection.execute("INSERT INTO records VALUES (?, ?, ?)", (id, twice, payload)).unwrap();
        }
        let tally = Hosted::new(Cell::Sqlite, directory.path(), 5).tally(&[]).unwrap();
        assert_eq!((tally.lost, tally.doubled, tally.altered), (3, 1, 3));
    }
}
