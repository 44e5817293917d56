use etl_model::{Batch, RecordError, StepName};

use crate::ConnectorError;

/// The steps between a repartition and a destination, for one shard, as they are carried out where the shard is written.
/// Shared by all threads.
pub trait Steps: Send + Sync {
    /// Carries them out on rows as they leave the repartition. Rows keep their ordinals.
    ///
    /// # Errors
    /// A step is broken. A row that fails is no error: it shows in the account.
    fn carry_out(&self, rows: Batch) -> Result<CarriedOut, ConnectorError>;
}

/// What became of rows.
#[derive(Debug, Default)]
pub struct CarriedOut {
    /// Those that reach the destination, in order.
    pub rows: Vec<Batch>,
    /// The others.
    pub account: Account,
}

/// What became of the rows of a unit at the place where they were written, beside those that the destination itself has
/// refused. Where several paths lead to the destination, a row counts once per path.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Account {
    /// Rows that a condition removed.
    pub filtered: u64,
    /// Rows that failed and are to be kept.
    pub dead_lettered: u64,
    /// Rows that failed and were left out.
    pub failed: u64,
    /// Rows that steps made in addition.
    pub created: u64,
    /// Of those that are to be kept the ones that this unit keeps, in order.
    pub letters: Vec<StepError>,
    /// The first row whose failure ends the run; nothing of the unit may be committed then.
    pub fatal: Option<StepError>,
    /// Bytes handed to the destination, as it counts them; `None` where the one who writes knows them himself.
    pub bytes: Option<u64>,
}

/// A row that failed at a step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepError {
    /// The step.
    pub step: StepName,
    /// The row and what is wrong with it.
    pub error: RecordError,
}

impl Account {
    /// Rows that do not reach the destination.
    pub fn missing(&self) -> u64 {
        self.filtered.saturating_add(self.dead_lettered).saturating_add(self.failed)
    }

    /// Adds what became of the rows that follow.
    pub fn add(&mut self, later: Self) {
        self.filtered = self.filtered.saturating_add(later.filtered);
        self.dead_lettered = self.dead_lettered.saturating_add(later.dead_lettered);
        self.failed = self.failed.saturating_add(later.failed);
        self.created = self.created.saturating_add(later.created);
        self.letters.extend(later.letters);
        self.fatal = self.fatal.take().or(later.fatal);
        if let Some(bytes) = later.bytes {
            self.bytes = Some(self.bytes.unwrap_or_default().saturating_add(bytes));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn accounts_add_up_and_the_first_fatal_row_stays() {
        let at = |ordinal| StepError {
            step: StepName::new("mask").unwrap(),
            error: RecordError::new(ordinal, "bad", "is bad"),
        };
        let mut sum = Account { filtered: 1, letters: vec![at(1)], dead_lettered: 1, ..Account::default() };
        sum.add(Account { failed: u64::MAX, fatal: Some(at(2)), bytes: Some(5), ..Account::default() });
        sum.add(Account {
            filtered: 2,
            fatal: Some(at(3)),
            bytes: Some(6),
            letters: vec![at(4)],
            ..Account::default()
        });
        assert_eq!((sum.filtered, sum.dead_lettered, sum.failed, sum.bytes), (3, 1, u64::MAX, Some(11)));
        assert_eq!((sum.missing(), sum.fatal), (u64::MAX, Some(at(2))), "what a peer tells never overflows");
        assert_eq!(sum.letters, [at(1), at(4)]);
    }
}
