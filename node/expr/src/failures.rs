use arrow::buffer::BooleanBuffer;

use crate::RowError;
use crate::failure::Failure;

/// The failing rows of a column, each with its reason; where groups overlap, the earlier one is the row's reason.
///
/// Reasons shared by many rows (a null operand, a missing field) are kept once with a bitmap, so that a condition
/// which guards them, such as `x != null && x > 1`, drops them with bitmap operations.
#[derive(Debug, Clone, Default)]
pub(crate) struct Failures(Vec<Group>);

#[derive(Debug, Clone)]
enum Group {
    Same {
        rows: BooleanBuffer,
        failure: Failure,
    },
    /// Ascending by row.
    Each(Vec<(usize, Failure)>),
}

impl Failures {
    pub fn none() -> Self {
        Self::default()
    }

    pub fn same(rows: BooleanBuffer, failure: Failure) -> Self {
        let mut failures = Self::default();
        failures.push_same(rows, failure);
        failures
    }

    pub fn each(rows: Vec<(usize, Failure)>) -> Self {
        if rows.is_empty() { Self::default() } else { Self(vec![Group::Each(rows)]) }
    }

    pub fn push_same(&mut self, rows: BooleanBuffer, failure: Failure) {
        if rows.count_set_bits() > 0 {
            self.0.push(Group::Same { rows, failure });
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds failures that come after these in the order of evaluation.
    pub fn extend(&mut self, later: Failures) {
        self.0.extend(later.0);
    }

    /// The failing rows; `None` where none fails.
    pub fn rows(&self, len: usize) -> Option<BooleanBuffer> {
        let mut all: Option<BooleanBuffer> = None;
        for group in &self.0 {
            let rows = group.rows(len);
            all = Some(match all {
                Some(mask) => &mask | &rows,
                None => rows,
            });
        }
        all
    }

    /// Keeps only failures of the rows that are set.
    pub fn retain(&mut self, keep: &BooleanBuffer) {
        self.0.retain_mut(|group| match group {
            Group::Same { rows, .. } => {
                *rows = &*rows & keep;
                rows.count_set_bits() > 0
            }
            Group::Each(rows) => {
                rows.retain(|(row, _)| keep.value(*row));
                !rows.is_empty()
            }
        });
    }

    /// The first failure of the row in the order of evaluation.
    pub fn get(&self, row: usize) -> Option<&Failure> {
        self.0.iter().find_map(|group| match group {
            Group::Same { rows, failure } => rows.value(row).then_some(failure),
            Group::Each(rows) => rows
                .binary_search_by_key(&row, |(row, _)| *row)
                .ok()
                .and_then(|i| rows.get(i))
                .map(|(_, f)| f),
        })
    }

    /// One error per failing row, ascending.
    pub fn into_errors(self, len: usize) -> Vec<RowError> {
        let Some(rows) = self.rows(len) else { return Vec::new() };
        rows.set_indices()
            .filter_map(|row| {
                let failure = self.get(row)?;
                Some(RowError { row, code: failure.code, message: failure.message.to_string() })
            })
            .collect()
    }
}

impl Group {
    fn rows(&self, len: usize) -> BooleanBuffer {
        match self {
            Self::Same { rows, .. } => rows.clone(),
            Self::Each(each) => {
                let mut mask = arrow::array::BooleanBufferBuilder::new(len);
                mask.append_n(len, false);
                for (row, _) in each {
                    mask.set_bit(*row, true);
                }
                mask.finish()
            }
        }
    }
}
