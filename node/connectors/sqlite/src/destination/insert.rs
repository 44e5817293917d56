use etl_model::{Batch, RecordError};
use rusqlite::{Connection, Statement};

use super::cells::Cells;
use super::plan::Plan;
use super::refusal::{Refusal, unfit};
use crate::SqliteError;
use crate::error::At;

/// Values in one statement. With 9 columns, 10 rows a statement write half as many rows again per second as single
/// rows do; from 100 rows on it becomes slower again.
const VALUES: usize = 90;

/// Writes the rows of a batch inside the open transaction; returns the rows that the table refused, which leave no
/// trace.
pub(super) fn insert(
    connection: &Connection,
    batch: &Batch,
    plan: &Plan,
    place: &str,
) -> Result<Vec<RecordError>, SqliteError> {
    let cells = Cells::all(batch.records())?;
    let refused = unfit(batch, &cells, plan);
    let mut rejects = Rejects { batch, cells: &cells, errors: Vec::new() };
    let mut one = connection.prepare_cached(&plan.sql(1)).at(place)?;
    let group = (VALUES / cells.len().max(1)).max(1);
    let insert = Insert { connection, cells: &cells, place };
    if !refused.is_empty() || !plan.may_share || group == 1 {
        let mut refused = refused.into_iter().peekable();
        for row in 0..batch.len() {
            match refused.next_if(|(refused, _)| *refused == row) {
                Some((_, refusal)) => rejects.add(row, refusal),
                None => insert.single(&mut one, row, &mut rejects)?,
            }
        }
        return Ok(rejects.errors);
    }
    let whole = batch.len() - batch.len() % group;
    if whole > 0 {
        let mut many = connection.prepare_cached(&plan.sql(group)).at(place)?;
        for first in (0..whole).step_by(group) {
            if !insert.group(&mut many, first..first + group, batch)? {
                for row in first..first + group {
                    insert.single(&mut one, row, &mut rejects)?;
                }
            }
        }
    }
    for row in whole..batch.len() {
        insert.single(&mut one, row, &mut rejects)?;
    }
    Ok(rejects.errors)
}

struct Rejects<'a> {
    batch: &'a Batch,
    cells: &'a [Cells<'a>],
    errors: Vec<RecordError>,
}

impl Rejects<'_> {
    fn add(&mut self, row: usize, refusal: Refusal) {
        self.errors.push(refusal.into_error(self.batch, self.cells, row));
    }
}

struct Insert<'a> {
    connection: &'a Connection,
    cells: &'a [Cells<'a>],
    place: &'a str,
}

impl Insert<'_> {
    /// Writes rows in one statement; false when one of them is at fault, and then none is written.
    fn group(
        &self,
        statement: &mut Statement<'_>,
        rows: std::ops::Range<usize>,
        batch: &Batch,
    ) -> Result<bool, SqliteError> {
        let wanted = rows.len();
        let mut parameter = 0;
        for row in rows {
            for cells in self.cells {
                parameter += 1;
                cells.bind(row, statement, parameter).at(self.place)?;
            }
        }
        match statement.raw_execute() {
            Ok(written) if written == wanted => Ok(true),
            Ok(written) => Err(SqliteError::Impossible(format!(
                "{}: {written} of {wanted} rows were written without an error",
                self.place
            ))),
            Err(error) if Refusal::of(&error, batch).is_some() => {
                self.still_open()?;
                Ok(false)
            }
            Err(error) => Err(error).at(self.place),
        }
    }

    fn single(
        &self,
        statement: &mut Statement<'_>,
        row: usize,
        rejects: &mut Rejects<'_>,
    ) -> Result<(), SqliteError> {
        for (i, cells) in self.cells.iter().enumerate() {
            // A value above SQLite's limit is already refused here.
            if let Err(error) = cells.bind(row, statement, i + 1) {
                let refusal = Refusal::of(&error, rejects.batch);
                let refusal = refusal.map_or_else(|| Err(error).at(self.place), Ok)?;
                rejects.add(row, Refusal { column: Some(i), ..refusal });
                return Ok(());
            }
        }
        match statement.raw_execute() {
            Ok(1) => {}
            Ok(_) => rejects.add(row, Refusal::skipped()),
            Err(error) => match Refusal::of(&error, rejects.batch) {
                Some(refusal) => {
                    self.still_open()?;
                    rejects.add(row, refusal);
                }
                None => return Err(error).at(self.place),
            },
        }
        Ok(())
    }

    /// `RAISE(ROLLBACK)` in a trigger takes the whole transaction away.
    fn still_open(&self) -> Result<(), SqliteError> {
        if self.connection.is_autocommit() {
            return Err(SqliteError::user(
                "transaction_rolled_back",
                format!("{}: a trigger rolled the whole transaction back because of one row", self.place),
                "let the trigger RAISE(ABORT) instead",
            ));
        }
        Ok(())
    }
}
