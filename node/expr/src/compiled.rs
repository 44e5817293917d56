use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, Field, TimeUnit};
use chrono::{DateTime, Utc};

use crate::clock::now;
use crate::error::RowError;
use crate::eval::Evaluator;
use crate::failures::Failures;
use crate::kind::Kind;
use crate::output;
use crate::plan::{Node, Plan};
use crate::truth::Truth;

/// An expression typed and planned for batches of one schema. Shared by threads; evaluation keeps no state.
#[derive(Debug, Clone)]
pub struct Compiled {
    plan: Plan,
    unit: TimeUnit,
    /// The column's field where the expression only names one.
    path: Option<Field>,
}

/// What an expression yields for a batch.
#[derive(Debug)]
pub struct Evaluated {
    /// One value per row; null where the row is in `errors`.
    pub values: ArrayRef,
    /// The rows without a value, ascending, each once.
    pub errors: Vec<RowError>,
}

impl Compiled {
    pub(crate) fn new(plan: Plan) -> Self {
        let (unit, path) = (plan.time_unit(), plan.path_field());
        Self { plan, unit, path }
    }

    /// The Arrow type of the values. A plain path keeps its column's type; a result whose type only rows know is
    /// JSON text; an expression that has no value in any row is `Null`.
    pub fn data_type(&self) -> DataType {
        self.field("").data_type().clone()
    }

    /// A nullable field of that name for the values, with the metadata of JSON columns.
    pub fn field(&self, name: &str) -> Field {
        match &self.path {
            Some(field) => field.clone().with_name(name).with_nullable(true),
            None => self.plan.kind.field(name, self.unit),
        }
    }

    /// Whether a path of [`crate::Expression::path`] leads to nothing in the schema; its values are null then.
    pub fn is_absent(&self) -> bool {
        self.plan.kind == Kind::Null && matches!(self.plan.node, Node::Const(_))
    }

    /// Whether the values can be a condition: bool, or known per row only.
    pub fn is_condition(&self) -> bool {
        matches!(self.plan.kind, Kind::Bool | Kind::Dyn | Kind::Never | Kind::Null)
    }

    /// Evaluates every row of a batch of the schema that was compiled for; `now()` is the time of the call.
    pub fn evaluate(&self, batch: &RecordBatch) -> Evaluated {
        self.evaluate_at(batch, now())
    }

    /// The same with `now()` given, for several expressions over one batch.
    pub fn evaluate_at(&self, batch: &RecordBatch, now: DateTime<Utc>) -> Evaluated {
        let rows = batch.num_rows();
        let evaluator = Evaluator::new(batch.columns(), rows, Vec::new(), stamp(now));
        let (values, failures) = match self.path.as_ref().and_then(|_| evaluator.path(&self.plan, None)) {
            Some(path) => path,
            None => {
                let vector = evaluator.eval(&self.plan, None);
                let (values, failed) = output::column(vector.data, &self.plan.kind, self.unit);
                let mut failures = vector.failures;
                failures.extend(Failures::each(failed));
                if vector.constant { repeat(values, failures, rows) } else { (values, failures) }
            }
        };
        Evaluated { values, errors: failures.into_errors(rows) }
    }

    /// Evaluates a condition: `true` rows in the mask, and the rows where it is neither true nor false.
    ///
    /// Null is not a bool in CEL, so a row whose condition is null is an error, not false.
    pub fn evaluate_condition(&self, batch: &RecordBatch) -> (BooleanArray, Vec<RowError>) {
        self.evaluate_condition_at(batch, now())
    }

    /// The same with `now()` given, for several expressions over one batch.
    pub fn evaluate_condition_at(
        &self,
        batch: &RecordBatch,
        now: DateTime<Utc>,
    ) -> (BooleanArray, Vec<RowError>) {
        let rows = batch.num_rows();
        let evaluator = Evaluator::new(batch.columns(), rows, Vec::new(), stamp(now));
        let truth = Truth::of(evaluator.eval(&self.plan, None), "the condition", rows, None);
        let errors = truth.failures.into_errors(rows);
        (BooleanArray::new(truth.yes, None), errors)
    }
}

/// The time in nanoseconds, to the microsecond that every column of times holds.
fn stamp(now: DateTime<Utc>) -> i128 {
    i128::from(now.timestamp_micros()) * 1_000
}

/// One value for all rows, as a column; a failing constant fails in every row.
fn repeat(values: ArrayRef, failures: Failures, rows: usize) -> (ArrayRef, Failures) {
    let indices = arrow::array::UInt32Array::from(vec![0; rows]);
    let repeated = arrow::compute::take(&values, &indices, None)
        .unwrap_or_else(|_| arrow::array::new_null_array(values.data_type(), rows));
    let failures = match failures.get(0) {
        Some(failure) => Failures::same(BooleanBuffer::new_set(rows), failure.clone()),
        None => Failures::none(),
    };
    (repeated, failures)
}
