use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{cast, sum};
use arrow::datatypes::{DataType, Float64Type};
use etl_model::Batch;

use crate::bench::BenchError;

/// How much two sums may differ that were added up in another order.
const TOLERANCE: f64 = 1e-9;

/// What is compared of two results: the rows, and for some columns the sum of the numbers, of the times in
/// microseconds, or of the bytes of the texts.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Checksum {
    pub rows: u64,
    pub sums: Vec<f64>,
}

impl Checksum {
    /// That of batches which all have the columns.
    pub fn of(batches: &[Batch], columns: &[&str]) -> Result<Self, BenchError> {
        let mut made = Self { rows: 0, sums: vec![0.0; columns.len()] };
        for batch in batches {
            made.rows += batch.len() as u64;
            for (name, total) in columns.iter().zip(&mut made.sums) {
                let column = batch.records().column_by_name(name).ok_or_else(|| {
                    BenchError::transformation("the result", format!("there is no column `{name}`"))
                })?;
                *total += of_column(column)?;
            }
        }
        Ok(made)
    }

    /// Whether both can be of the same rows.
    pub fn agrees(&self, other: &Self) -> bool {
        let near = |(a, b): (&f64, &f64)| (a - b).abs() <= TOLERANCE * a.abs().max(b.abs());
        self.rows == other.rows
            && self.sums.len() == other.sums.len()
            && self.sums.iter().zip(&other.sums).all(near)
    }
}

fn of_column(column: &ArrayRef) -> Result<f64, BenchError> {
    let numbers = match column.data_type() {
        DataType::Utf8 => {
            return Ok(column.as_string::<i32>().iter().flatten().map(str::len).sum::<usize>() as f64);
        }
        DataType::Timestamp(..) => cast(column, &DataType::Int64)?,
        _ => column.clone(),
    };
    Ok(sum(cast(&numbers, &DataType::Float64)?.as_primitive::<Float64Type>()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_order_agrees_and_another_row_does_not() {
        let one = Checksum { rows: 2, sums: vec![1e15, 3.0] };
        assert!(one.agrees(&Checksum { rows: 2, sums: vec![1e15 + 1.0, 3.0] }));
        assert!(!one.agrees(&Checksum { rows: 2, sums: vec![1e15, 4.0] }));
        assert!(!one.agrees(&Checksum { rows: 3, sums: vec![1e15, 3.0] }));
        assert!(!one.agrees(&Checksum { rows: 2, sums: vec![1e15] }));
    }
}
