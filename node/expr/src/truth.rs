use arrow::array::{Array, BooleanArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};

use crate::failure::Failure;
use crate::failures::Failures;
use crate::value::Value;
use crate::vector::{Data, Vector};

/// A condition per row: true, false, failed, or (where neither is set and nothing failed) not wanted.
#[derive(Debug, Clone)]
pub(crate) struct Truth {
    pub yes: BooleanBuffer,
    pub no: BooleanBuffer,
    pub failures: Failures,
}

impl Truth {
    /// Reads a column as a condition; null and other types fail, as operand of `name`.
    pub fn of(vector: Vector, name: &str, rows: usize, active: Option<&BooleanBuffer>) -> Self {
        let wanted = active.cloned().unwrap_or_else(|| BooleanBuffer::new_set(rows));
        let mut failures = vector.failures;
        let mut open = wanted;
        if let Some(failed) = failures.rows(rows) {
            open = &open & &!&failed;
        }
        if vector.constant {
            let none = BooleanBuffer::new_unset(rows);
            return match vector.data.value(0) {
                Ok(Value::Bool(true)) => Self { yes: open, no: none, failures },
                Ok(Value::Bool(false)) => Self { yes: none, no: open, failures },
                Ok(other) => {
                    failures.push_same(open, not_bool(name, &other));
                    Self { yes: none.clone(), no: none, failures }
                }
                Err(failure) => {
                    failures.push_same(open, failure);
                    Self { yes: none.clone(), no: none, failures }
                }
            };
        }
        match vector.data {
            Data::Bool(array) => {
                if let Some(valid) = array.nulls().filter(|nulls| nulls.null_count() > 0) {
                    failures.push_same(&open & &!valid.inner(), not_bool(name, &Value::Null));
                    open = &open & valid.inner();
                }
                let yes = &open & array.values();
                let no = &open & &!array.values();
                Self { yes, no, failures }
            }
            data => {
                let mut failed = Vec::new();
                let mut values = Vec::with_capacity(rows);
                for row in 0..rows {
                    let value = if open.value(row) { data.value(row) } else { Ok(Value::Bool(false)) };
                    match value {
                        Ok(Value::Bool(value)) => values.push(value),
                        Ok(other) => {
                            failed.push((row, not_bool(name, &other)));
                            values.push(false);
                        }
                        Err(failure) => {
                            failed.push((row, failure));
                            values.push(false);
                        }
                    }
                }
                let failed = Failures::each(failed);
                if let Some(rows) = failed.rows(rows) {
                    open = &open & &!&rows;
                }
                failures.extend(failed);
                let values = BooleanBuffer::from(values);
                Self { yes: &open & &values, no: &open & &!&values, failures }
            }
        }
    }

    /// `&&`: false where either side is, whatever the other is; true where both are; else the failures of both.
    pub fn and(self, other: Self) -> Self {
        let (yes, no) = (&self.yes & &other.yes, &self.no | &other.no);
        Self { failures: undecided(self.failures, other.failures, &no), yes, no }
    }

    /// `||`: true where either side is, whatever the other is; false where both are; else the failures of both.
    pub fn or(self, other: Self) -> Self {
        let (yes, no) = (&self.yes | &other.yes, &self.no & &other.no);
        Self { failures: undecided(self.failures, other.failures, &yes), yes, no }
    }

    /// `!` as a column.
    pub fn not(self) -> Vector {
        Self { yes: self.no, no: self.yes, failures: self.failures }.into_vector()
    }

    /// The column of bools.
    pub fn into_vector(self) -> Vector {
        let known = &self.yes | &self.no;
        let nulls = (known.count_set_bits() < known.len()).then(|| NullBuffer::new(known));
        Vector {
            data: Data::Bool(BooleanArray::new(self.yes, nulls)),
            constant: false,
            failures: self.failures,
        }
    }
}

fn undecided(mut left: Failures, right: Failures, decided: &BooleanBuffer) -> Failures {
    left.extend(right);
    if !left.is_empty() {
        left.retain(&!decided);
    }
    left
}

fn not_bool(name: &str, value: &Value) -> Failure {
    Failure::new("no_such_overload", format!("`{name}` needs bool, not {}", value.type_name()))
}
