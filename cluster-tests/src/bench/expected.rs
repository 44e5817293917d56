use serde::{Deserialize, Serialize};

use super::dataset::Row;

/// Counts and sums of a data set, to verify outputs with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// Rows.
    pub rows: u64,
    /// Sum of `amount`, in cents.
    pub sum_cents: u64,
    /// Rows with `active`.
    pub active: u64,
    /// Rows that the filter of W2 lets through.
    pub w2_rows: u64,
    /// Sum of their amounts, in cents.
    pub w2_sum_cents: u64,
    /// Sum of `id`.
    pub sum_id: u64,
}

impl Expected {
    /// Counts one row.
    pub fn add(&mut self, row: &Row) {
        self.rows += 1;
        self.sum_cents += row.cents;
        self.active += u64::from(row.active);
        self.sum_id += row.id;
        if row.passes_w2() {
            self.w2_rows += 1;
            self.w2_sum_cents += row.cents;
        }
    }
}
