use arrow::datatypes::Schema;
use etl_expr::{Compiled, ExprError, Expression, RowError};
use etl_model::Batch;
use etl_sdk::FieldError;

use super::canonical::NULL;
use super::column::Column;
use crate::filter::first;
use crate::record_errors::RecordErrors;
use crate::unfit::Unfit;

/// The fields of a key, found in one schema.
pub(crate) struct Key(Vec<(String, Compiled)>);

/// Reports what is no path, and paths given twice, in the list under `place`.
pub(crate) fn check_paths(paths: &[String], place: &str, errors: &mut Vec<FieldError>) {
    for (i, path) in paths.iter().enumerate() {
        if path.split('.').any(str::is_empty) {
            errors.push(FieldError::new("invalid_path", format!("`{path}` is not a path")).at(place).at(i));
        }
        if paths.iter().take(i).any(|earlier| earlier == path) {
            let message = format!("`{path}` is in the key twice");
            errors.push(FieldError::new("duplicate_field", message).at(place).at(i));
        }
    }
}

impl Key {
    /// Finds the fields in batches of `schema`.
    pub fn new(paths: &[Expression], schema: &Schema) -> Result<Self, Unfit> {
        let compile = |path: &Expression| {
            let field = path.text().to_owned();
            match path.compile(schema) {
                Ok(compiled) => Ok((field, compiled)),
                Err(faults) => Err(Unfit { fault: first(faults), field }),
            }
        };
        Ok(Self(paths.iter().map(compile).collect::<Result<_, _>>()?))
    }

    /// Something out of the canonical bytes of each row's key. What stands for a row in `errors`, where `code` says that its
    /// key cannot be computed, means nothing.
    pub fn each<T: Clone + Default>(
        &self,
        batch: &Batch,
        code: &'static str,
        errors: &mut RecordErrors,
        of_key: impl FnMut(&[u8]) -> T,
    ) -> Vec<T> {
        self.rows(batch, code, errors, true, of_key)
    }

    /// The same, but nothing for a row with null in its key: null equals nothing, as where tables are joined.
    pub fn each_whole<T: Clone + Default>(
        &self,
        batch: &Batch,
        code: &'static str,
        errors: &mut RecordErrors,
        of_key: impl FnMut(&[u8]) -> T,
    ) -> Vec<T> {
        self.rows(batch, code, errors, false, of_key)
    }

    fn rows<T: Clone + Default>(
        &self,
        batch: &Batch,
        code: &'static str,
        errors: &mut RecordErrors,
        has_nulls: bool,
        mut of_key: impl FnMut(&[u8]) -> T,
    ) -> Vec<T> {
        let mut columns = Vec::with_capacity(self.0.len());
        for (name, compiled) in &self.0 {
            let evaluated = compiled.evaluate(batch.records());
            errors.add(evaluated.errors, Some(name));
            match Column::new(&evaluated.values, &compiled.field(name)) {
                Ok(column) => columns.push((name, column)),
                Err(unkeyed) => {
                    let fault = ExprError { offset: None, code, message: unkeyed.message, help: None };
                    errors.add_all(batch.len(), &fault, Some(name));
                    return vec![T::default(); batch.len()];
                }
            }
        }
        let mut key = Vec::new();
        let mut of_row = |row: usize| {
            key.clear();
            for (name, column) in &columns {
                let begin = key.len();
                if let Err(unkeyed) = column.put(row, &mut key) {
                    errors.add(vec![RowError { row, code, message: unkeyed.message }], Some(name));
                    return T::default();
                }
                if !has_nulls && key.get(begin) == Some(&NULL) {
                    return T::default();
                }
            }
            of_key(&key)
        };
        (0..batch.len()).map(&mut of_row).collect()
    }
}
